//! Notices of a run that did not arrive. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use super::rfc3339;
use super::words::counted;
use crate::ledger::Undelivered;

/// Notices that are named.
const NAMED: usize = 10;

/// Said of one whose process ended while it was tried.
const CUT_SHORT: &str = "the program ended before it was delivered";

/// A notice that did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UndeliveredReport {
    /// Its kind, e.g. `org.stopped`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The org or the wave; null = the run.
    pub about: Option<String>,
    /// When it happened: RFC 3339.
    pub at: String,
    /// Why.
    pub error: String,
}

impl From<&Undelivered> for UndeliveredReport {
    fn from(notice: &Undelivered) -> Self {
        Self {
            kind: notice.kind.clone(),
            about: notice.about.clone(),
            at: rfc3339(notice.at),
            error: why(notice).to_owned(),
        }
    }
}

fn why(notice: &Undelivered) -> &str {
    notice.error.as_deref().unwrap_or(CUT_SHORT)
}

/// They in words, a line each.
pub fn undelivered(notices: &[Undelivered]) -> Vec<String> {
    let count = notices.len() as u64;
    let were = counted(count, "notice was", "notices were");
    let named = notices.iter().take(NAMED).map(|notice| {
        let about = notice.about.as_ref();
        let about = about
            .map(|about| format!(" of {about}"))
            .unwrap_or_default();
        let (kind, at) = (&notice.kind, rfc3339(notice.at));
        format!("  {kind}{about} at {at}: {}", why(notice))
    });
    let more = notices.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("  and {more} more"));
    let mut lines = vec![format!("{were} not delivered, which changes nothing else:")];
    lines.extend(named.chain(more));
    lines.push("  check what the job's [notify] webhook names, and that it is up".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMillis;

    #[test]
    fn they_are_named_with_what_kept_each() {
        let notice = |kind: &str, about: Option<&str>, error: Option<&str>| Undelivered {
            kind: kind.to_owned(),
            about: about.map(str::to_owned),
            at: UnixMillis(1_767_323_045_000),
            error: error.map(str::to_owned),
        };
        let stopped = notice("org.stopped", Some("acme"), Some("HTTP 500"));
        let finished = notice("run.finished", None, None);
        insta::assert_snapshot!(undelivered(&[stopped.clone(), finished]).join("\n"), @r"
        2 notices were not delivered, which changes nothing else:
          org.stopped of acme at 2026-01-02T03:04:05Z: HTTP 500
          run.finished at 2026-01-02T03:04:05Z: the program ended before it was delivered
          check what the job's [notify] webhook names, and that it is up
        ");
        let many = undelivered(&vec![stopped; 12]);
        assert_eq!(many.len(), NAMED + 3);
        assert_eq!(many[NAMED + 1], "  and 2 more");
    }
}
