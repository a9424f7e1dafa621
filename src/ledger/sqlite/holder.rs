//! Which process works on a run, as the run itself says: what the lock beside the ledger says counts as well, but that
//! can be deleted.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::rows::{self, Result};

/// A process of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    host: String,
    // Of a machine that was started again, no process is left.
    boot: Option<String>,
    pid: u32,
    // When it began, by the machine's clock ticks: numbers are given again.
    began: Option<String>,
    since: String,
}

impl Holder {
    /// This process.
    pub(super) fn myself() -> Self {
        let pid = std::process::id();
        Self {
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            boot: boot(),
            pid,
            began: began(pid),
            since: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
        }
    }

    /// For people.
    pub(super) fn name(&self) -> String {
        format!("pid {} on {} since {}", self.pid, self.host, self.since)
    }

    /// Whether it is another process of this machine that still runs. Of other machines only their locks are known.
    pub(super) fn is_another_alive(&self) -> bool {
        let me = Self::myself();
        let is_here = self.host == me.host && self.boot == me.boot;
        is_here && self.pid != me.pid && self.began.is_some() && began(self.pid) == self.began
    }
}

/// Who works on a run, if it says so.
pub(super) fn of(connection: &Connection, id: &str) -> Result<Option<Holder>> {
    let holder: Option<Option<String>> = connection
        .prepare_cached("SELECT holder FROM run WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    // One that cannot be read is of a version whose locks are still there.
    Ok(holder
        .flatten()
        .and_then(|text| serde_json::from_str(&text).ok()))
}

/// Notes who works on a run, or that nobody does.
pub(super) fn set(connection: &Connection, id: &str, holder: Option<&Holder>) -> Result<()> {
    let holder = holder.map(rows::to_json).transpose()?;
    connection
        .prepare_cached("UPDATE run SET holder = ?2 WHERE id = ?1")?
        .execute(params![id, holder])?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn boot() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .ok()
        .map(|text| text.trim().to_owned())
}

/// Field 22 of `proc_pid_stat(5)`; the name before it may hold anything but ends with the last bracket.
#[cfg(target_os = "linux")]
fn began(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X");
    let began = fields.nth(18)?.to_owned();
    (!is_dead).then_some(began)
}

/// Elsewhere the lock beside the ledger is all there is.
#[cfg(not(target_os = "linux"))]
fn boot() -> Option<String> {
    None
}

#[cfg(not(target_os = "linux"))]
fn began(_: u32) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn only_a_live_process_of_this_machine_counts() {
        let me = Holder::myself();
        assert!(me.began.is_some() && me.boot.is_some());
        assert!(!me.is_another_alive(), "it is this one");
        let parent = std::os::unix::process::parent_id();
        let other = Holder {
            pid: parent,
            began: began(parent),
            ..me.clone()
        };
        assert!(other.is_another_alive());
        for (what, holder) in [
            (
                "another machine",
                Holder {
                    host: "elsewhere".to_owned(),
                    ..other.clone()
                },
            ),
            (
                "started again",
                Holder {
                    boot: Some("before".to_owned()),
                    ..other.clone()
                },
            ),
            (
                "its number was given again",
                Holder {
                    began: Some("1".to_owned()),
                    ..other.clone()
                },
            ),
            (
                "gone",
                Holder {
                    pid: u32::MAX,
                    ..other.clone()
                },
            ),
            (
                "not known",
                Holder {
                    began: None,
                    ..other.clone()
                },
            ),
        ] {
            assert!(!holder.is_another_alive(), "{what}");
        }
        let text = rows::to_json(&other).unwrap();
        assert_eq!(serde_json::from_str::<Holder>(&text).unwrap(), other);
    }
}
