//! A command that goes on in another terminal: it is listened to, signalled, and killed at the end.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use super::PATIENCE;

/// See the module.
pub struct Live {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Live {
    /// Starts a command.
    pub fn of(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                // A story that ended does not listen any more.
                if tell.send(line.unwrap()).is_err() {
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

    fn hear(&mut self, line: &str) {
        self.said += line;
        self.said.push('\n');
    }

    /// Sends it a signal: `INT`, `TERM` or `KILL`.
    pub fn signal(&self, signal: &str) {
        let kill = Command::new("kill")
            .args([format!("-{signal}"), self.child.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end; its exit code, absent when a signal ended it.
    #[track_caller]
    pub fn ends(&mut self) -> Option<i32> {
        // It says nothing more once it has ended.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.hear(&line);
        }
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_some(), "it does not end:\n{}", self.said);
        ended.unwrap().code()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // A story that failed leaves nothing behind; one that ended has nothing to kill.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
