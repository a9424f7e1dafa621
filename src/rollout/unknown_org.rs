//! A pattern of `--only` that fits no org.

use crate::failure::Failure;
use crate::nearest::did_you_mean;
use crate::selection::Selection;

/// Orgs that are named to somebody who mistyped one.
const NAMED: usize = 20;

/// Refuses a pattern that fits none of these orgs.
pub(crate) fn refuse_unknown_org(selection: &Selection, orgs: &[&str]) -> Result<(), Failure> {
    let Some(pattern) = selection.unknown_org(orgs) else {
        return Ok(());
    };
    let mut names = orgs.iter().take(NAMED).copied().collect::<Vec<_>>();
    if orgs.len() > NAMED {
        names.push("…");
    }
    let error = anyhow::anyhow!("--only org={pattern}: no org fits; nothing was sent");
    let near = did_you_mean(pattern, orgs.iter().copied());
    let near = near.map_or_else(String::new, |near| format!("{near} "));
    Err(Failure::usage(error).hint(format!("{near}the orgs are {}", names.join(", "))))
}
