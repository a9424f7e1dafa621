//! One entry that does not come from a file: judged like a line of JSONL, except that it is not held against the
//! orgs, the other entries, or its secrets.

use std::path::Path;

use serde_json::Value;

use super::csv::Receiver;
use super::document::read_line;
use super::draft::Draft;
use super::entry::Entry;
use super::problem::{Issues, Place, Problem, Problems};
use super::rules::Rules;

/// Why a key of an entry is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Dotted path of the key; none for the entry itself.
    pub field: Option<String>,
    /// What is wrong: a lowercase fragment.
    pub message: String,
}

/// Reads an entry as `check` would from a manifest.
///
/// # Errors
/// Every mistake in it.
pub fn read_entry(entry: &Value) -> Result<Entry, Vec<Mistake>> {
    let mut judge = Judge::default();
    read_line(Path::new(""), &entry.to_string(), 1, &mut judge);
    let mistakes: Vec<_> = judge
        .problems
        .into_kept()
        .into_iter()
        .map(|problem| Mistake {
            field: problem.field,
            message: problem.message,
        })
        .collect();
    match judge.entry {
        Some(entry) if mistakes.is_empty() => Ok(entry),
        _ => Err(mistakes),
    }
}

#[derive(Default)]
struct Judge {
    rules: Rules,
    entry: Option<Entry>,
    problems: Problems,
}

impl Receiver<Draft> for Judge {
    fn take(&mut self, draft: Draft, mut issues: Issues, place: &dyn Place) {
        self.rules.check(&draft, &mut issues);
        if issues.is_empty() {
            self.entry = draft.finish();
        } else {
            self.problems.place(Path::new(""), "", issues, place);
        }
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_is_judged_as_in_a_manifest() {
        let mut entry = json!({ "org": "acme", "app": "slack", "appId": "0oa1",
            "connection": { "profile": { "authScheme": "OAUTH2" } } });
        assert!(read_entry(&entry).is_ok());
        entry["connection"]["profile"]["token"] = json!("env:T");
        entry["features"] =
            json!({ "USER_PROVISIONING": { "update": { "password": { "change": "CYCLE" } } } });
        entry["label"] = json!("Slack");
        let mistakes = read_entry(&entry).unwrap_err();
        let fields: Vec<_> = mistakes.iter().map(|m| m.field.as_deref()).collect();
        assert_eq!(
            fields,
            [
                Some("connection.profile.token"),
                Some("features.USER_PROVISIONING.update.password.change"),
                Some("label"),
            ]
        );
        assert!(read_entry(&json!([])).is_err());
    }
}
