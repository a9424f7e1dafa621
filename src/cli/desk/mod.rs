//! The desk on the command line: where it listens, who is let in, and who carries out what people ask for.

mod at;
mod hands;

pub(super) use at::At;
pub(super) use hands::{Hands, Means, WantedStart};
