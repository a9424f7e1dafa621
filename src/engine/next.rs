//! The commands that continue after a failure, as somebody types them where the failed command was typed.

use crate::failure::Remedy;

/// The commands to print in hints; empty where nothing can be continued.
#[derive(Clone, Debug, Default)]
pub struct NextCommands {
    /// Tries the failed entries again as the ledger has them.
    pub retry: String,
    /// Moves on whatever can move.
    pub resume: String,
    /// Moves on what a stopped org held back.
    pub after_stop: String,
    /// Runs the file as it is by then.
    pub run_file: String,
    /// The job that gives a run of a manifest settings; none of a job, which has them.
    pub new_job: Option<NewJob>,
}

/// A job that is to be written for a manifest.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// `m.toml, which begins with manifest = "m.csv"`.
    pub file: String,
    /// Runs it.
    pub run: String,
}

impl NextCommands {
    /// The same commands for whoever lets secrets be read from programs.
    pub fn resume_with_programs(&self) -> String {
        format!("{} --allow-exec", self.after_stop)
    }

    /// What to do about an entry whose stored form can succeed once the cause is fixed.
    pub fn after_fix(&self, fix: &str) -> String {
        format!("{fix}, then: {}", self.retry)
    }

    /// What to do about a stopped org.
    pub fn after_stop(&self, fix: &str, remedy: Remedy) -> String {
        match remedy {
            // A run keeps the addresses it began with.
            Remedy::Manifest => format!("{fix}, then: {}", self.run_file),
            Remedy::Outside => format!("{fix}, then: {}", self.after_stop),
            Remedy::Job => match &self.new_job {
                Some(NewJob { file, run }) => format!("{fix} {file}, then: {run}"),
                // It is read anew.
                None => format!("{fix}, then: {}", self.after_stop),
            },
        }
    }

    /// What to do about an entry that fails as long as the file is as it is.
    pub fn after_edit(&self, edit: &str) -> String {
        format!(
            "{edit}, then (only changed, unfinished and drifted entries are written): {}",
            self.run_file
        )
    }
}
