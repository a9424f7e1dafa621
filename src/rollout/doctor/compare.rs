//! What the answers of all orgs tell together.

use super::findings::{About, OrgFindings, Problem, Severity};
use crate::model::ErrorDetails;
use crate::report::counted;

/// Tells of every org whose clock is not this machine's. Where that is only some, it may be theirs that is wrong.
pub(super) fn clocks(orgs: &mut [OrgFindings]) {
    let shown = orgs.iter().filter_map(|org| org.clock);
    let agree = shown.filter(|skew| !skew.is_noticed()).count() as u64;
    for org in orgs {
        let Some(skew) = org.clock.filter(|skew| skew.is_noticed()) else {
            continue;
        };
        let hint = if agree == 0 {
            "set this machine's clock: sudo timedatectl set-ntp true".to_owned()
        } else {
            let others = counted(agree, "other org has", "other orgs have");
            format!(
                "{others} this machine's time: see what answers in this one's place (proxy, gateway)"
            )
        };
        let message = format!("this machine's clock is {} of the org's", skew.told());
        org.problems.push(Problem {
            about: About::Clock,
            severity: if skew.is_wrong() {
                Severity::Error
            } else {
                Severity::Warning
            },
            details: ErrorDetails::new(message, Some(hint)),
        });
    }
}
