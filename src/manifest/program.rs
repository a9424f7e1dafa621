//! Programs of `exec:` references: found, run without a shell, given few variables, and ended with all that they
//! started.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use super::input::absolute;

/// How long a program may take to print a secret; then it is ended and the secret counts as unreadable.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The variables that every program gets; others may hold secrets that are not its own.
const PASSED: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

/// Why a program printed nothing that can be used. Repeats nothing of what it printed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProgramError {
    #[error("program not found")]
    NotFound,
    #[error("cannot run the program: {0}")]
    Run(#[from] io::Error),
    #[error("the program took over {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("the program failed: {0}")]
    Status(std::process::ExitStatus),
}

impl ProgramError {
    /// What helps.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::NotFound => {
                "programs are looked for in the folder of the file that names them, by a path, or else on PATH"
            }
            Self::Run(_) => "it has to be a program that the user who runs this may execute",
            Self::Timeout => {
                "run it by hand to see what it waits for: it gets no input and few variables (passEnv names more)"
            }
            Self::Status(_) => {
                "run it by hand to see why: it gets few variables (passEnv names more)"
            }
        }
    }
}

/// Finds a program: with a folder in its name it is relative to the folder of the file that names it, others are on
/// PATH. Folders there that are relative would make it depend on where somebody stands: they are left out.
pub(super) fn find(base: &Path, program: &str) -> Result<PathBuf, ProgramError> {
    let candidates: Vec<_> = if has_folder(program) {
        // It is started in that folder: from there another one would be meant.
        vec![absolute(&base.join(program))]
    } else {
        let path: OsString = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(program))
            .collect()
    };
    let found = candidates.into_iter().find(|path| is_program(path));
    found.ok_or(ProgramError::NotFound)
}

/// Whether a program is named by where it is.
pub(super) fn has_folder(program: &str) -> bool {
    program.contains(std::path::MAIN_SEPARATOR)
}

/// A program and all that it is started with.
pub(super) struct Call<'a> {
    pub program: &'a Path,
    pub arguments: &'a [String],
    /// Where it is started, so that what is relative in its arguments is so to the file that names it, too.
    pub folder: &'a Path,
    /// The variables that it gets besides its own few.
    pub pass_env: &'a [String],
}

impl Call<'_> {
    /// What it prints, up to one byte more than `most`.
    pub async fn output(&self, most: u64) -> Result<Vec<u8>, ProgramError> {
        let run = async {
            let (mut child, mut group) = self.start()?;
            let mut bytes = Vec::new();
            let stdout = child.stdout.take();
            let status = {
                let mut reading = std::pin::pin!(async {
                    match stdout {
                        Some(stdout) => stdout.take(most + 1).read_to_end(&mut bytes).await,
                        None => Ok(0),
                    }
                });
                tokio::select! {
                    status = child.wait() => {
                        // What it left behind holds its output open, and prints no secret any more.
                        group.end();
                        reading.await?;
                        Some(status?)
                    }
                    read = &mut reading => {
                        let chatty = u64::try_from(read?).map_or(true, |read| read > most);
                        // It would wait for ever for somebody to read on.
                        if chatty { None } else { Some(child.wait().await?) }
                    }
                }
            };
            match status {
                Some(status) if !status.success() => Err(ProgramError::Status(status)),
                _ => Ok(bytes),
            }
        };
        let output = tokio::time::timeout(TIMEOUT, run).await;
        if RUNNING.lock().is_over {
            // It was ended from here, by a process that ends itself: that is no failure for anybody to tell.
            return std::future::pending().await;
        }
        output.map_err(|_| ProgramError::Timeout)?
    }

    fn start(&self) -> Result<(Child, Group), ProgramError> {
        let mut command = Command::new(self.program);
        command
            .args(self.arguments)
            .current_dir(self.folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // What a program says on standard error may hold the secret too.
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        let passed = PASSED
            .into_iter()
            .chain(self.pass_env.iter().map(String::as_str));
        for name in passed {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let mut running = RUNNING.lock();
        if running.is_over {
            return Err(io::Error::from(io::ErrorKind::Interrupted).into());
        }
        let child = command.spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw);
        running.groups.extend(id);
        Ok((child, Group(id)))
    }
}

/// The groups of the programs that run now.
struct Running {
    groups: Vec<Pid>,
    /// Whether this process ends itself: no program starts any more.
    is_over: bool,
}

static RUNNING: Mutex<Running> = Mutex::new(Running {
    groups: Vec::new(),
    is_over: false,
});

/// Ends all programs that run, for a process that ends itself: they would outlive it.
pub fn end_programs() {
    let mut running = RUNNING.lock();
    running.is_over = true;
    running.groups.drain(..).for_each(kill);
}

fn kill(group: Pid) {
    // It fails when none of them is left, which is what is wanted.
    _ = kill_process_group(group, Signal::KILL);
}

/// The processes that a program started, itself included. They end when this goes, however that comes.
struct Group(Option<Pid>);

impl Group {
    fn end(&mut self) {
        if let Some(id) = self.0.take() {
            let mut running = RUNNING.lock();
            running.groups.retain(|group| *group != id);
            kill(id);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file() || path.with_extension("exe").is_file()
}
