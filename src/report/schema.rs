//! The JSON Schema of the JSON report, for programs that read it: generated from the types that are written.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{EntryReport, Overview};
use crate::manifest::without_sources;

/// What `version` of a JSON report says: it changes when a field is taken away or means something else, not when one is
/// added.
pub const VERSION: u32 = 1;

/// The JSON Schema (2020-12) of a JSON report.
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings.into_generator();
    let entry = generator.subschema_for::<EntryReport>().to_value();
    let mut schema = generator.into_root_schema_for::<Overview>().to_value();
    schema["title"] = json!("okta-rollout report");
    schema["description"] = json!(
        "What a run left behind. Fields may be added; readers ignore those that they do not know."
    );
    schema["properties"]["version"] = json!({
        "description": "Of this format: another number means that a field went away or means something else.",
        "const": VERSION,
    });
    schema["properties"]["entries"] = json!({
        "description": "The entries, in the order of the manifest. `status` leaves them out where there are more than 10,000.",
        "type": "array",
        "items": entry,
    });
    schema["properties"]["manifest"] = json!({
        "description": "With --only: the same entries and their orgs as a manifest that `run` accepts.",
        "type": "object",
    });
    without_sources(&mut schema);
    schema
}
