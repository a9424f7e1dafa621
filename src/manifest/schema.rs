//! The JSON Schema of a JSON manifest, for editors: generated from the types that are read, plus what
//! types cannot say. `check` stays the judge; the schema only has to agree with what it accepts.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::entry::Entry;
use super::org::OrgSpec;

/// The JSON Schema (2020-12) of a JSON manifest.
pub fn json_schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let org = generator.subschema_for::<OrgSpec>().to_value();
    let entry = generator.subschema_for::<Entry>().to_value();
    let mut definitions = generator.take_definitions(true);
    definitions.values_mut().for_each(refuse_null);
    definitions.values_mut().for_each(allow_for_people);
    let partial = relaxed(&definitions);
    definitions.extend(partial);
    if let Some(Value::Object(entry)) = definitions.get_mut("Entry") {
        // A record that holds nothing but what is for people is no entry, and nothing is required of it.
        let required = entry.remove("required");
        entry.insert(
            "if".to_owned(),
            json!({ "minProperties": 1, "propertyNames": { "pattern": FOR_PEOPLE } }),
        );
        entry.insert(
            "else".to_owned(),
            json!({
                "required": required,
                "oneOf": [{ "required": ["appId"] }, { "required": ["label"] }],
            }),
        );
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "okta-rollout manifest",
        "description": "What should be true of app provisioning connections in Okta orgs.",
        "type": "object",
        "additionalProperties": false,
        "required": ["apps"],
        "properties": {
            "$schema": { "type": "string", "description": "This schema, for editors." },
            "orgs": {
                "description": "The orgs by name; may come from --orgs or a job instead.",
                "type": "object",
                "additionalProperties": org,
            },
            "defaults": {
                "description": "Merged deeply under every entry of apps.",
                "$ref": "#/$defs/PartialEntry",
            },
            "apps": {
                "description": "One app in one org each.",
                "type": "array",
                "minItems": 1,
            },
        },
        // With defaults, an entry need not repeat what they say.
        "if": { "required": ["defaults"] },
        "then": { "properties": { "apps": { "items": { "$ref": "#/$defs/PartialEntry" } } } },
        "else": { "properties": { "apps": { "items": entry } } },
    });
    allow_for_people(&mut schema);
    schema["properties"]["orgs"]["patternProperties"] = for_people();
    schema["$defs"] = definitions.into();
    without_sources(&mut schema);
    schema
}

/// Takes out where our own documentation has a fact from, as in ` (API.md §9)`: who reads the schema does not have it.
pub(crate) fn without_sources(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if key == "description" => {
                        if let Some((before, rest)) = text.split_once(" (API.md §")
                            && let Some((_, after)) = rest.split_once(')')
                        {
                            *text = format!("{before}{after}");
                        }
                    }
                    value => without_sources(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(without_sources),
        _ => {}
    }
}

/// Keys that are for people, wherever they stand.
const FOR_PEOPLE: &str = "^\\$";

fn for_people() -> Value {
    json!({ FOR_PEOPLE: { "description": "For people; means nothing." } })
}

// Wherever unknown keys are refused.
fn allow_for_people(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(allow_for_people);
            if object.get("additionalProperties") == Some(&Value::Bool(false)) {
                object.insert("patternProperties".to_owned(), for_people());
            }
        }
        Value::Array(list) => list.iter_mut().for_each(allow_for_people),
        _ => {}
    }
}

/// The keys for which `null` means something.
const NULLABLE: [&str; 2] = ["fullImport", "incrementalImport"];

// An optional field may be absent, but schemars lets it be null, too.
fn refuse_null(schema: &mut Value) {
    let Value::Object(object) = schema else {
        if let Value::Array(list) = schema {
            list.iter_mut().for_each(refuse_null);
        }
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    }
    for (key, value) in object {
        if !NULLABLE.contains(&key.as_str()) {
            refuse_null(value);
        }
    }
}

// Every definition again as `Partial…`, with nothing required.
fn relaxed(definitions: &Map<String, Value>) -> Map<String, Value> {
    definitions
        .iter()
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            relax(&mut schema);
            (format!("Partial{name}"), schema)
        })
        .collect()
}

fn relax(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            // A property may be called `required`; then it holds an object.
            if object.get("required").is_some_and(Value::is_array) {
                object.remove("required");
            }
            for (key, value) in object {
                match value {
                    Value::String(target) if key == "$ref" => {
                        *target = target.replace("#/$defs/", "#/$defs/Partial");
                    }
                    value => relax(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(relax),
        _ => {}
    }
}
