//! A million entries in ten thousand orgs, a rehearsal, the desk, and how fast the program starts (README, "How fast it is"): the
//! program itself as a child process, its peak of memory read from `/proc`, so on Linux only. Baselines: a bare CSV
//! reader, and Python's `csv` and `sqlite3`.
//!
//! `cargo bench --bench scale`; takes some two minutes and 600 MB of disk below `target/`, freed in the end.

mod rows {
    pub mod desk;
    pub mod million;
    pub mod rehearse;
    pub mod start;
}
mod support {
    pub mod child;
    pub mod manifest;
    pub mod python;
    pub mod stub;
    pub mod table;
}

use support::table::Table;

fn main() -> anyhow::Result<()> {
    // The program's connections are as many again on this side.
    rlimit::increase_nofile_limit(u64::MAX)?;
    let start = rows::start::rows()?;
    let rehearse = rows::rehearse::rows()?;
    let desk = rows::desk::rows()?;
    let million = rows::million::rows()?;
    Table::print(&[million, rehearse, desk, start]);
    Ok(())
}
