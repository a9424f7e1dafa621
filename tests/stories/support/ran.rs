//! A command that has ended: what it said, and with which code.

use std::process::Output;

use serde_json::Value;

/// A command's exit code and output, with its arguments for messages of failed tests.
pub struct Ran {
    arguments: String,
    output: Output,
}

impl Ran {
    /// What came of a command with these arguments.
    pub fn new(arguments: &[&str], output: Output) -> Self {
        Self {
            arguments: arguments.join(" "),
            output,
        }
    }

    /// Its exit code, absent when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.output.status.code(),
            Some(code),
            "okta-rollout {}\n{}",
            self.arguments,
            self.said()
        );
        self
    }

    /// Asserts that it said this to people.
    #[track_caller]
    pub fn says(self, what: &str) -> Self {
        let said = self.said();
        assert!(said.contains(what), "{what:?} is missing in:\n{said}");
        self
    }

    /// What it said to people.
    pub fn said(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    /// What it said to programs.
    pub fn data(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    /// What it said to programs, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.output.stdout).unwrap()
    }
}
