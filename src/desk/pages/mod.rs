//! The pages, as markup: facts in, HTML out. Everything that comes from outside is escaped: it is never markup.

mod chart;
mod consents;
mod entry;
mod jobs;
mod layout;
mod run;
mod runs;
mod share;
mod words;

pub(super) use chart::SPANS;
pub(super) use consents::{ConsentList, Item, consents};
pub(super) use entry::entry;
pub(super) use jobs::{JobLine, jobs};
pub(super) use layout::{Around, Note, Tab, error};
pub(super) use run::{RunPage, run};
pub(super) use runs::{RunLine, runs};
pub(super) use share::{bad_share, share};
