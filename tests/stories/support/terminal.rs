//! A command that a person types at a terminal, and answers.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Child;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::Scenario;

/// The command and our side of its terminal.
pub struct Terminal {
    ours: File,
    child: Child,
    said: String,
}

impl Terminal {
    /// Starts it.
    pub fn of(story: &Scenario, arguments: &[&str]) -> Self {
        let ours: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = File::options().read(true).write(true).open(name).unwrap();
        Self {
            ours: ours.into(),
            child: story.wholly_at_terminal(arguments, &theirs),
            said: String::new(),
        }
    }

    /// Waits until it says this; what it said since it was last waited for.
    pub fn says(&mut self, what: &str) -> String {
        loop {
            if let Some(at) = self.said.find(what) {
                // What came along with it is waited for later.
                let rest = self.said.split_off(at + what.len());
                return std::mem::replace(&mut self.said, rest);
            }
            assert!(self.hear(), "{what:?} is missing in:\n{}", self.said);
        }
    }

    // A terminal that nobody has any more gives an error.
    fn hear(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        let Ok(count @ 1..) = self.ours.read(&mut bytes) else {
            return false;
        };
        self.said += &String::from_utf8_lossy(&bytes[..count]);
        true
    }

    /// Types this.
    pub fn types(&mut self, line: &str) {
        self.ours.write_all(line.as_bytes()).unwrap();
    }

    /// Its exit code and what it said since.
    pub fn ends(mut self) -> (Option<i32>, String) {
        while self.hear() {}
        (self.child.wait().unwrap().code(), self.said)
    }
}
