//! The JSON Schema of a job file, for editors, and for who asks what holds where a job says nothing: each key with what
//! it is for and its default. The reader stays the judge of what a job may say; a test compares the keys.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::{DEFAULT_LEDGER, Format, HttpPolicy, NoticeFormat, NoticeKind, RetryPolicy};
use crate::manifest::Limits;

/// Marks texts that are paths relative to the job's folder.
pub const PATH: &str = "path";

/// What is known elsewhere of a job's keys.
pub struct SchemaParts {
    /// The limits of an org of which nothing is said.
    pub limits: Limits,
    /// The schema of `[sandbox]`.
    pub sandbox: Value,
}

/// The JSON Schema (2020-12) of a job file.
pub fn json_schema(parts: &SchemaParts) -> Value {
    let mut schema = table(
        "A manifest, and how to roll it out.",
        &["manifest"],
        json!({
            "manifest": path("What should be true of the apps: a .csv, .json or .jsonl file."),
            "orgs": path("The orgs (.csv or .json), where the manifest does not hold them."),
            "onDrift": one_of(
                "What is done about changes that somebody made by hand: set right, or left and named.",
                &["repair", "report"],
                "repair",
            ),
            "ledger": ledger(),
            "limits": limits(parts.limits),
            "retry": retry(),
            "http": http(),
            "waves": waves(),
            "schedule": schedule(),
            "notify": notify(),
            "reports": reports(),
            "secrets": secrets(),
            "sandbox": parts.sandbox,
        }),
    );
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("okta-rollout job");
    schema
}

fn ledger() -> Value {
    table(
        "Where checkpoints are kept, and for how long.",
        &[],
        json!({
            "path": with_default(
                path("The ledger; --ledger and OKTA_ROLLOUT_LEDGER win. Without it: in the current folder."),
                DEFAULT_LEDGER,
            ),
            "keep": length("Runs that nobody worked on for longer are dropped at the end of a run, as in 90d; without it none is."),
        }),
    )
}

fn limits(defaults: Limits) -> Value {
    table(
        "What a run may spend of every org; an org's own limits win.",
        &[],
        json!({
            "share": with_default(
                number("Part of the limit that Okta's headers show; the rest is left to others.", &json!({ "maximum": 1 })),
                defaults.share,
            ),
            "maxRps": with_default(number("Requests per second at most.", &json!({})), defaults.max_rps),
            "maxInFlight": with_default(count("Requests in flight at most."), defaults.max_in_flight),
        }),
    )
}

fn retry() -> Value {
    let defaults = RetryPolicy::default();
    table(
        "When a step is tried again.",
        &[],
        json!({
            "maxAttempts": with_default(count("Attempts of one step in all."), defaults.max_attempts),
            "initial": lasting("Ceiling of the first delay.", defaults.initial),
            "max": lasting("Ceiling of every delay.", defaults.max),
            "maxElapsed": lasting(
                "Time that a step's attempts and delays may take in all; waits for budget do not count.",
                defaults.max_elapsed,
            ),
            "orgPatience": lasting(
                "Time an org may go without one useful answer before it is stopped.",
                defaults.org_patience,
            ),
        }),
    )
}

fn http() -> Value {
    let defaults = HttpPolicy::default();
    table(
        "Time-outs and trust of every call.",
        &[],
        json!({
            "connectTimeout": lasting("For name resolution, TCP, proxy and TLS together.", defaults.connect_timeout),
            "timeout": lasting("For one call, to the last byte of its answer.", defaults.timeout),
            "caFile": path("PEM certificates that are trusted besides the system's roots."),
        }),
    )
}

fn waves() -> Value {
    let wave = table(
        "Orgs that are rolled out together.",
        &["orgs"],
        json!({
            "orgs": {
                "description": "Names of orgs; * stands for any characters. An org belongs to the first wave that names it.",
                "type": "array",
                "minItems": 1,
                "items": text(""),
            },
            "name": text("What people call it; without it: wave 1, wave 2 and so on."),
            "haltWhenFailed": {
                "description": "More failed entries than this halt the run: a percentage of the wave's, or a number.",
                "anyOf": [
                    { "type": "string", "pattern": "[0-9].*%$" },
                    { "type": "integer", "minimum": 0, "maximum": u32::MAX },
                ],
            },
            "soak": lasting("How long after its end the next wave may begin.", Duration::ZERO),
            "approve": yes_or_no("Whether a person lets it begin: resume --approve."),
        }),
    );
    list(
        "Groups of orgs of which each begins after the one before.",
        wave,
    )
}

fn schedule() -> Value {
    table(
        "When the job is run by itself.",
        &["cron"],
        json!({
            "cron": text("Minute, hour, day of month, month and day of week, as in 0 2 * * *."),
            "timezone": with_default(text("The time zone that the times are in, as in America/New_York."), "UTC"),
            "overlap": one_of(
                "What becomes of a start while the run before has not ended: there is none, or one comes after it.",
                &["skip", "queue"],
                "skip",
            ),
            "catchUp": yes_or_no("Whether one start makes up for those of a time in which nothing was awake."),
            "jitter": lasting("A start comes up to so much later, at random.", Duration::ZERO),
        }),
    )
}

fn notify() -> Value {
    table(
        "Who is notified of a run.",
        &["webhook"],
        json!({
            "webhook": secret("The webhook's URL, as in env:ROLLOUT_WEBHOOK."),
            "secret": secret("The key that signs notices, as in env:ROLLOUT_WEBHOOK_SECRET."),
            "format": one_of(
                "How a notice is written.",
                &NoticeFormat::ALL.map(NoticeFormat::name),
                NoticeFormat::default().name(),
            ),
            "on": {
                "description": "The kinds of notices that are sent.",
                "type": "array",
                "minItems": 1,
                "items": { "enum": NoticeKind::ALL.map(NoticeKind::name) },
                "default": NoticeKind::ALL.map(NoticeKind::name),
            },
        }),
    )
}

fn reports() -> Value {
    let report = table(
        "A report.",
        &["format", "path"],
        json!({
            "format": {
                "description": "How it is written.",
                "enum": Format::ALL.map(Format::name),
            },
            "path": path("Where to; {run} is the run's id, {date} the day it began, {job} this file's name without .toml."),
        }),
    );
    list(
        "Reports that are written when a run ends, is interrupted or halts.",
        report,
    )
}

fn secrets() -> Value {
    table(
        "How secrets are read.",
        &[],
        json!({
            "passEnv": {
                "description": "Variables that programs of exec: secrets get besides PATH, HOME, LANG and TMPDIR.",
                "type": "array",
                "items": { "type": "string", "pattern": "^[A-Za-z0-9_]+$" },
                "default": [],
            },
        }),
    )
}

fn table(about: &str, required: &[&str], properties: Value) -> Value {
    let mut table = json!({
        "description": about,
        "type": "object",
        "additionalProperties": false,
    });
    table["properties"] = properties;
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    table
}

fn list(about: &str, items: Value) -> Value {
    let mut list = json!({ "description": about, "type": "array" });
    list["items"] = items;
    list
}

fn text(about: &str) -> Value {
    let mut text = Map::new();
    text.insert("type".to_owned(), json!("string"));
    text.insert("pattern".to_owned(), json!("\\S"));
    if !about.is_empty() {
        text.insert("description".to_owned(), json!(about));
    }
    text.into()
}

fn path(about: &str) -> Value {
    let mut path = text(&format!("{about} Relative to this file."));
    path["format"] = json!(PATH);
    path
}

fn secret(about: &str) -> Value {
    let mut secret = text(&format!("{about} Never the value itself."));
    secret["pattern"] = json!("^(env|file|exec):.");
    secret
}

fn one_of(about: &str, names: &[&str], default: &str) -> Value {
    json!({ "description": about, "enum": names, "default": default })
}

// A number and a unit, or with colons: the reader knows more precisely.
fn length(about: &str) -> Value {
    let mut length = text(about);
    length["pattern"] = json!("[0-9]\\s*[A-Za-zµμ:]");
    length
}

fn lasting(about: &str, default: Duration) -> Value {
    with_default(length(about), shown(default))
}

fn yes_or_no(about: &str) -> Value {
    json!({ "description": about, "type": "boolean", "default": false })
}

fn number(about: &str, more: &Value) -> Value {
    let mut number = json!({ "description": about, "type": "number", "exclusiveMinimum": 0 });
    if let (Some(number), Some(more)) = (number.as_object_mut(), more.as_object()) {
        number.extend(more.clone());
    }
    number
}

fn count(about: &str) -> Value {
    json!({ "description": about, "type": "integer", "minimum": 1, "maximum": u32::MAX })
}

fn with_default(mut schema: Value, default: impl serde::Serialize) -> Value {
    // Texts and numbers: cannot fail.
    let default = serde_json::to_value(default).unwrap_or_default();
    if !default.is_null() {
        schema["default"] = default;
    }
    schema
}

// As it can be typed.
fn shown(time: Duration) -> String {
    SignedDuration::try_from(time).map_or_else(|_| format!("{time:?}"), |time| format!("{time:#}"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::read::parse;
    use super::*;

    fn schema() -> Value {
        json_schema(&SchemaParts {
            limits: Limits::default(),
            sandbox: json!({}),
        })
    }

    /// The keys that the reader knows in the table that this begins, as it names them for one that it does not know.
    fn known(table: &str) -> Vec<String> {
        let text = format!("{table}qqqqqqqq = 1\n");
        let problems = parse(Path::new("job.toml"), &text).unwrap_err();
        let mut problems = problems.into_iter();
        let unknown = problems.find(|problem| problem.message == "unknown key");
        let hint = unknown.and_then(|problem| problem.hint).unwrap();
        let keys = hint.strip_prefix("known here: ").unwrap();
        let mut keys: Vec<_> = keys.split(", ").map(str::to_owned).collect();
        keys.sort();
        keys
    }

    fn properties(table: &Value) -> Vec<String> {
        let properties = table["properties"].as_object().unwrap();
        properties.keys().cloned().collect()
    }

    #[test]
    fn each_table_has_the_keys_that_are_read() {
        let schema = schema();
        assert_eq!(properties(&schema), known(""));
        let mut tables = 0;
        for (key, section) in schema["properties"].as_object().unwrap() {
            let (table, begin) = match &section["items"] {
                Value::Null => (section, format!("[{key}]\n")),
                items => (items, format!("[[{key}]]\n")),
            };
            if table.get("properties").is_some() {
                assert_eq!(properties(table), known(&begin), "{key}");
                tables += 1;
            }
        }
        assert_eq!(tables, 9);
    }

    #[test]
    fn each_key_says_what_it_is_for() {
        fn walk(path: &str, schema: &Value) {
            for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
                let path = format!("{path}.{key}");
                let about = inner.get("description").and_then(Value::as_str);
                assert!(
                    about.is_some_and(|about| about.len() > 10) || key == "sandbox",
                    "{path}"
                );
                walk(&path, inner);
                walk(&path, &inner["items"]);
            }
        }
        walk("", &schema());
    }
}
