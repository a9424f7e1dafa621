//! `--only`, a flag of many commands.

use super::candidates::conditions;
use crate::selection::{Condition, Selection};

/// The flag.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Only {
    /// Only these entries: `org=NAME` (with `*`), `app=APP`, `state=STATE` or just STATE, separated by commas
    ///
    /// Several values of one key are alternatives; different keys must all hold.
    #[arg(long, value_delimiter = ',', value_name = "CONDITION", add = conditions())]
    only: Vec<Condition>,
}

impl Only {
    /// What is selected.
    pub fn selection(&self) -> Selection {
        Selection::of(&self.only)
    }
}
