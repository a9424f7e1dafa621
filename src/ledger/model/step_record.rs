//! What is kept of a step that ended.

use serde::{Deserialize, Serialize, Serializer};

use super::Progress;
use crate::model::Step;

/// A step that ended, as reports show it. Stored as the list of its fields: every later checkpoint of its entry writes it
/// again. Before, it was stored as an object, which is still read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// Which one.
    pub step: Step,
    /// Attempts it took.
    pub attempts: u32,
    /// Whether it wrote something.
    #[serde(default)]
    pub changed: bool,
    /// HTTP status of its last call, if it made one.
    #[serde(default)]
    pub http_status: Option<u16>,
    /// Request id of its last call.
    #[serde(default)]
    pub request_id: Option<String>,
}

impl StepRecord {
    /// Of a step that turned out not to be needed.
    pub const fn unmade(step: Step) -> Self {
        Self {
            step,
            attempts: 0,
            changed: false,
            http_status: None,
            request_id: None,
        }
    }
}

impl Progress {
    /// Ends the step at hand.
    pub fn end_step(&mut self, ended: StepRecord) {
        self.attempts = 0;
        self.elapsed_ms = 0;
        self.changed |= ended.changed;
        self.steps.push(ended);
    }
}

impl Serialize for StepRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            step,
            attempts,
            changed,
            http_status,
            request_id,
        } = self;
        (step, attempts, changed, http_status, request_id).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_read_as_it_is_stored_and_as_it_was_stored_before() {
        let made = StepRecord {
            step: Step::SetConnection,
            attempts: 2,
            changed: true,
            http_status: Some(200),
            request_id: Some("id".to_owned()),
        };
        let skipped = StepRecord {
            step: Step::FindApp,
            attempts: 0,
            changed: false,
            http_status: None,
            request_id: None,
        };
        for (step, stored, before) in [
            (
                made,
                r#"["set_connection",2,true,200,"id"]"#,
                r#"{"step":"set_connection","attempts":2,"changed":true,"httpStatus":200,"requestId":"id"}"#,
            ),
            (
                skipped,
                r#"["find_app",0,false,null,null]"#,
                r#"{"step":"find_app","attempts":0}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&step).expect("JSON"), stored);
            for text in [stored, before] {
                let read: StepRecord = serde_json::from_str(text).expect(text);
                assert_eq!(read, step);
            }
        }
    }
}
