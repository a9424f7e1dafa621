//! The command line: one file per command, thin; what they do lives in the library's other parts.

pub mod args;
mod output;
mod progress;
