//! The samples: they pass the check, agree with the JSON Schema and read the same in every format.

use std::path::PathBuf;

use okta_rollout::manifest::{
    CheckOptions, Checked, Entry, SecretCheck, Source, check, digest, json_schema, read_orgs,
};
use serde_json::{Value, json};

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(name)
}

fn source(name: &str) -> Source {
    let json = PathBuf::from(name).extension().is_some_and(|e| e == "json");
    Source {
        file: sample(name),
        orgs_file: (!json).then(|| sample("orgs.csv")),
    }
}

fn read(name: &str) -> (Checked, Vec<Entry>) {
    let mut entries = Vec::new();
    let checked = check(&source(name), &CheckOptions::default(), &mut |located| {
        entries.push(located.entry);
    })
    .expect("the sample can be read");
    (checked, entries)
}

#[test]
fn every_sample_passes() {
    for (name, expected) in [
        ("rollout.csv", 29),
        ("rollout.json", 8),
        ("rollout.jsonl", 12),
    ] {
        let (checked, entries) = read(name);
        let problems: Vec<String> = checked.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, Vec::<String>::new(), "{name}");
        assert_eq!(entries.len(), expected, "{name}");
        assert_eq!(checked.entries, expected as u64, "{name}");
        assert_eq!(
            checked.digest,
            digest(&sample(name)).expect("digest"),
            "{name}"
        );
        let orgs = read_orgs(&source(name)).expect("orgs");
        assert_eq!(orgs.len(), checked.orgs.len(), "{name}");
        for entry in &entries {
            assert_eq!(orgs.url(&entry.org), format!("sandbox:{}", entry.org));
        }
    }
}

#[test]
fn every_manifest_of_the_readme_passes() {
    let url = |org: &str| json!({ "url": format!("https://{org}.okta.com"), "auth": { "apiToken": "env:TOKEN" } });
    let orgs = json!({ "acme": url("acme"), "hub": url("hub") });
    let blocks = include_str!("../README.md").split("```json\n").skip(1);
    let mut passed = 0;
    for block in blocks.filter_map(|block| block.split("```").next()) {
        let Ok(shown) = serde_json::from_str::<Value>(block) else {
            continue;
        };
        let manifest = match &shown {
            whole if whole["apps"].is_array() => shown,
            entry if entry["app"].is_string() => json!({ "orgs": orgs, "apps": [entry] }),
            _ => continue,
        };
        let folder = tempfile::tempdir().expect("folder");
        let source = Source {
            file: folder.path().join("m.json"),
            orgs_file: None,
        };
        std::fs::write(&source.file, manifest.to_string()).expect("manifest");
        let options = CheckOptions {
            secrets: SecretCheck::Skip,
            ..CheckOptions::default()
        };
        let checked = check(&source, &options, &mut |_| ()).expect("it can be read");
        let problems: Vec<String> = checked.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, Vec::<String>::new(), "{block}");
        passed += 1;
    }
    assert_eq!(passed, 2);
}

#[test]
fn csv_and_jsonl_say_the_same() {
    let (_, csv) = read("rollout.csv");
    let (_, lines) = read("rollout.jsonl");
    assert_eq!(csv[..lines.len()], lines[..]);
}

#[test]
fn defaults_lie_under_every_entry_but_a_disabled_one() {
    let (_, entries) = read("rollout.json");
    for entry in &entries {
        let features = serde_json::to_value(&entry.features).expect("plain data");
        let create = &features["USER_PROVISIONING"]["create"]["lifecycleCreate"]["status"];
        let disabled = serde_json::to_value(entry.status).expect("plain data") == "DISABLED";
        assert_eq!(
            *create,
            if disabled {
                Value::Null
            } else {
                json!("ENABLED")
            }
        );
    }
    let (_, csv) = read("rollout.csv");
    assert_eq!(entries[0], csv[0]);
}

#[test]
fn samples_validate_against_the_schema() {
    let schema = json_schema();
    jsonschema::meta::validate(&schema).expect("a valid schema");
    let validator = jsonschema::validator_for(&schema).expect("a usable schema");
    let text = std::fs::read_to_string(sample("rollout.json")).expect("sample");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|e| e.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    // Without defaults every entry stands for itself.
    let (_, entries) = read("rollout.csv");
    let document = json!({ "apps": entries });
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|e| e.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn the_schema_refuses_what_the_check_refuses() {
    let validator = jsonschema::validator_for(&json_schema()).expect("a usable schema");
    let good = json!({ "org": "a", "app": "google", "appId": "0oa1",
                       "connection": { "profile": { "authScheme": "OAUTH2" } } });
    assert!(validator.is_valid(&json!({ "apps": [good] })));
    let mut commented = good.clone();
    commented["$comment"] = json!("for people");
    commented["connection"]["$owner"] = json!({ "team": 7 });
    let comment = json!({ "$comment": "no entry", "$owner": 1 });
    let orgs = json!({ "$note": 1, "a": { "url": "sandbox", "$tier": "gold" } });
    let whole = json!({ "$comment": "x", "orgs": orgs, "apps": [commented, comment] });
    assert!(validator.is_valid(&whole), "{whole}");
    for wrong in [json!({}), json!({ "$comment": "x", "org": "a" })] {
        assert!(!validator.is_valid(&json!({ "apps": [wrong] })), "{wrong}");
    }
    let jwt = json!({ "clientId": "c", "keyId": "k", "key": "file:k.pem",
                      "scopes": ["okta.apps.manage"], "algorithm": "ES512", "dpop": true });
    let with_org = |jwt: &Value| {
        let org = json!({ "url": "https://a.okta.com", "auth": { "privateKeyJwt": jwt } });
        json!({ "orgs": { "a": org }, "apps": [good] })
    };
    assert!(validator.is_valid(&with_org(&jwt)), "{jwt}");
    for (key, value) in [
        ("scopes", json!([])),
        ("scopes", json!("okta.apps.manage")),
        ("algorithm", json!("HS256")),
        ("algorithm", Value::Null),
        ("dpop", json!("true")),
        ("key", json!("-----BEGIN PRIVATE KEY-----")),
        ("keyid", json!("k")),
    ] {
        let mut bad = jwt.clone();
        bad[key] = value;
        assert!(!validator.is_valid(&with_org(&bad)), "{bad}");
    }
    for (pointer, value) in [
        ("/label", json!("both")),
        ("/app", json!("gogle")),
        ("/appId", Value::Null),
        ("/statuss", json!("ENABLED")),
        ("/connection/profile/authScheme", json!("OAUTH")),
        ("/connection/profile/token", json!("a-value")),
        ("/connection/profile/tokn", json!("env:X")),
    ] {
        let mut bad = good.clone();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        bad.pointer_mut(parent).expect("parent")[key] = value;
        assert!(!validator.is_valid(&json!({ "apps": [bad] })), "{pointer}");
    }
    let mut missing = good.clone();
    missing["connection"]["profile"]
        .as_object_mut()
        .expect("object")
        .remove("authScheme");
    assert!(!validator.is_valid(&json!({ "apps": [missing.clone()] })));
    let defaults = json!({ "connection": { "profile": { "authScheme": "OAUTH2" } } });
    assert!(validator.is_valid(&json!({ "defaults": defaults, "apps": [missing] })));
}
