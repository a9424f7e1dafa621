//! A command that continues in another terminal: it is listened to, signalled, and killed at the end.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::hunter::Ear;

/// No command of a story takes this long; one that hangs fails the test instead.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A running command.
pub struct Live {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Live {
    /// Starts a command; `ear` keeps what it says.
    pub fn of(mut command: Command, ear: Ear) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        Self::listened(child.unwrap(), ear)
    }

    /// As [`Self::of`], of one that says something to programs first; that line, too.
    pub fn talking(mut command: Command, ear: Ear) -> (Self, String) {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut live = Self::listened(child, ear);
        let mut said = String::new();
        stdout.read_line(&mut said).unwrap();
        if said.is_empty() {
            let code = live.ends();
            panic!("it said nothing and ended with {code:?}:\n{}", live.said);
        }
        // Whatever else it says there is not to be kept waiting for a reader.
        std::thread::spawn(move || drop(std::io::copy(&mut stdout, &mut std::io::sink())));
        (live, said.trim_end().to_owned())
    }

    fn listened(mut child: Child, ear: Ear) -> Self {
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                let line = line.unwrap();
                ear.hear("a command that was left alone", line.as_bytes());
                // A story that ended does not listen any more, nor does a terminal that is gone.
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            said: String::new(),
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its peak of memory so far, in MB, while it lives.
    pub fn peak_mb(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u32 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(f64::from(kib) * 1024.0 / 1e6)
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Listens no more: whatever it says from now on cannot be written.
    pub fn hang_up(&mut self) {
        let (_, nobody) = channel();
        self.lines = nobody;
    }

    /// Waits until it says this to people.
    #[track_caller]
    pub fn says(&mut self, what: &str) {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("{what:?} is missing in:\n{}", self.said);
            };
            self.hear(&line);
            if line.contains(what) {
                return;
            }
        }
    }

    /// Asserts that it has said this to people.
    #[track_caller]
    pub fn has_said(&self, what: &str) {
        assert!(
            self.said.contains(what),
            "{what:?} is missing in:\n{}",
            self.said
        );
    }

    /// What it has said to people so far.
    pub fn said(&self) -> &str {
        &self.said
    }

    fn hear(&mut self, line: &str) {
        self.said += line;
        self.said.push('\n');
    }

    /// Sends it a signal: `INT`, `TERM`, `KILL`, `STOP` or `CONT`.
    pub fn signal(&self, signal: &str) {
        let kill = Command::new("kill")
            .args([format!("-{signal}"), self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end; its exit code, absent when a signal ended it.
    #[track_caller]
    pub fn ends(&mut self) -> Option<i32> {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.hear(&line),
                // Its standard error is closed: it ends now.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.said),
            }
        }
        self.child.wait().unwrap().code()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // A story that failed leaves nothing behind; one that ended has nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
