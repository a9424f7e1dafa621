//! The desk on the command line: where it listens, who is let in, and who carries out what people ask for.

mod at;
mod hands;
mod means;
mod rest;

pub(super) use at::At;
pub(super) use hands::Hands;
pub(super) use means::{Means, WantedStart};
pub(super) use rest::Going;
