//! Checkpoints in domain words.

mod model;

pub use model::*;
