//! What is said when `--only` selects nothing.

use super::output::Output;
use crate::selection::Selection;

/// Says that there is nothing to do.
pub(super) fn say_nothing_matches(selection: &Selection, output: Output) {
    output.total(format_args!("no entry matches --only {selection}"));
}
