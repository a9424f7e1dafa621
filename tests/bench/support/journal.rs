//! What the orgs of a fleet were asked, by their own count.

use okta_rollout::model::UnixMillis;

use super::fleet::{Fleet, org_name};

/// Requests a sandbox must remember per org for this to be right: more than any bench sends.
pub const KEPT: u32 = 100_000;

/// How many calls were sent to all orgs, and how many of them were answered with 429.
pub fn calls(fleet: &Fleet) -> anyhow::Result<(usize, usize)> {
    let (mut all, mut limited) = (0, 0);
    for org in 0..fleet.apps.len() {
        let calls = fleet.sandbox.journal(&org_name(org))?;
        all += calls.len();
        limited += calls.iter().filter(|call| call.status == Some(429)).count();
    }
    Ok((all, limited))
}

/// When the last answer was sent, leaving the first org out, which is the one in trouble.
pub fn last_answer_of_others(fleet: &Fleet) -> anyhow::Result<UnixMillis> {
    let mut last = 0;
    for org in 1..fleet.apps.len() {
        let calls = fleet.sandbox.journal(&org_name(org))?;
        last = calls.iter().map(|call| call.at_ms).fold(last, i64::max);
    }
    Ok(UnixMillis(last))
}
