//! The steps of an entry.

mod kind;

pub use kind::Step;
