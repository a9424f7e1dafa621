//! Properties of reading manifests: no bytes make it panic, and what is valid reads the same from every
//! format.

use std::collections::BTreeMap;
use std::path::Path;

use okta_rollout::manifest::{
    CheckOptions, Columns, CsvManifest, Entry, Note, Record, STANDARD_ROLES, SecretCheck, Source,
    check,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const OPTIONS: CheckOptions = CheckOptions {
    exec: okta_rollout::manifest::ExecPolicy::Refuse,
    secrets: SecretCheck::Skip,
};

/// Reads a file beside an orgs file with the sandbox orgs `acme` and `globex`.
fn read(folder: &Path, name: &str, content: &[u8]) -> (Vec<Entry>, Vec<String>) {
    let file = folder.join(name);
    let orgs_file = folder.join("orgs.csv");
    std::fs::write(&file, content).expect("write");
    std::fs::write(&orgs_file, "org,url\nacme,sandbox\nglobex,sandbox\n").expect("write");
    let source = Source {
        file,
        orgs_file: Some(orgs_file),
    };
    let mut entries = Vec::new();
    let checked = check(&source, &OPTIONS, &mut |located| {
        entries.push(located.entry);
    });
    let checked = checked.expect("the file is there");
    let problems = checked.problems.iter().map(ToString::to_string).collect();
    (entries, problems)
}

/// Bytes that get past the first look: pieces of manifests, mixed with anything.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece =
        prop_oneof![
        any::<Vec<u8>>(),
        prop::sample::select(vec![
            "org,app,appId,label,status,connection.profile.authScheme,connection.profile.token\n",
            "acme,google,0oa1,,,OAUTH2,\n",
            "\"", ",", "\r\n", "\n", ";", "null", "\u{feff}", "\0", "env:", "file:x",
            "{\"orgs\":{\"acme\":{\"url\":\"sandbox\"}},\"apps\":[",
            "{\"org\":\"acme\",\"app\":\"google\",\"appId\":\"1\",",
            "\"connection\":{\"profile\":{\"authScheme\":\"OAUTH2\"}}", "\"features\":{",
            "\"USER_PROVISIONING\":", "\\ud800", "1e999", "{", "}", "[", "]", "}}", "]}", ":",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn text() -> impl Strategy<Value = String> {
    "[A-Za-zäß(][A-Za-z0-9 ,;\"'äß()./-]{0,20}[A-Za-z0-9)]"
}

/// What a spreadsheet would take for a formula, and what looks like our way to keep it from that.
fn formula() -> impl Strategy<Value = String> {
    ("[=+@'-]{1,3}", text()).prop_map(|(first, rest)| format!("{first}{rest}"))
}

fn on_off() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!("ENABLED")), Just(json!("DISABLED"))]
}

/// Some of these paths, each with a value.
fn some(
    paths: &'static [&'static str],
    values: BoxedStrategy<Value>,
) -> BoxedStrategy<Vec<(String, Value)>> {
    prop::collection::vec(prop::option::of(values), paths.len())
        .prop_map(|values| {
            let given = paths.iter().zip(values);
            given
                .filter_map(|(path, value)| Some(((*path).to_owned(), value?)))
                .collect()
        })
        .boxed()
}

fn connection() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    const SCHEME: &str = "connection.profile.authScheme";
    const TOKEN: &str = "connection.profile.token";
    let zscaler = (1..99u8).prop_map(|n| {
        vec![
            ("app", json!("zscalerbyz")),
            (
                "connection.baseUrl",
                json!(format!("https://scim.zscalerbeta.net/{n}/scim")),
            ),
            (SCHEME, json!("TOKEN")),
            (TOKEN, json!(format!("env:TOKEN_{n}"))),
        ]
    });
    let consent = prop::sample::select(vec!["google", "slack", "zoomus"])
        .prop_map(|app| vec![("app", json!(app)), (SCHEME, json!("OAUTH2"))]);
    let office = text().prop_map(|name| {
        vec![
            ("app", json!("office365")),
            (SCHEME, json!("OAUTH2")),
            ("connection.profile.settings.adminUsername", json!(name)),
            (
                "connection.profile.settings.adminPassword",
                json!("file:a b;c"),
            ),
        ]
    });
    let hub = (
        any::<bool>(),
        prop::sample::subsequence(&STANDARD_ROLES[..], 1..4),
    )
        .prop_map(|(dpop, roles)| {
            vec![
                ("app", json!("okta_org2org")),
                (SCHEME, json!("OAUTH2")),
                ("connection.profile.signing.rotationMode", json!("AUTO")),
                ("hub.org", json!("globex")),
                ("hub.clientName", json!("spoke, \"acme\"")),
                ("hub.roles", json!(roles)),
                ("hub.dpop", json!(dpop)),
            ]
        });
    prop_oneof![zscaler, consent, office, hub]
}

fn features() -> impl Strategy<Value = Vec<(String, Value)>> {
    let user = some(
        &[
            "features.USER_PROVISIONING.create.lifecycleCreate.status",
            "features.USER_PROVISIONING.update.profile.status",
            "features.USER_PROVISIONING.update.lifecycleDeactivate.status",
            "features.USER_PROVISIONING.update.password.status",
        ],
        on_off().boxed(),
    );
    let rules = some(
        &[
            "features.INBOUND_PROVISIONING.importRules.userCreateAndMatch.allowPartialMatch",
            "features.INBOUND_PROVISIONING.importRules.userCreateAndMatch.autoActivateNewUsers",
        ],
        any::<bool>().prop_map(Value::Bool).boxed(),
    );
    let schedule = prop_oneof![
        Just(vec![]),
        Just(vec![(
            "features.INBOUND_PROVISIONING.importSettings.schedule.fullImport".to_owned(),
            Value::Null
        )]),
        Just(vec![(
            "features.INBOUND_PROVISIONING.importSettings.schedule.fullImport.expression"
                .to_owned(),
            json!("0 */4 * * Mon,Thu")
        )]),
    ];
    (user, rules, schedule).prop_map(|(user, rules, schedule)| [user, rules, schedule].concat())
}

/// A valid entry as dotted paths; the number keeps it from being a duplicate.
fn entry(number: usize) -> impl Strategy<Value = BTreeMap<String, Value>> {
    (connection(), features(), prop::option::of(text())).prop_map(
        move |(connection, features, label)| {
            let mut paths: BTreeMap<String, Value> = connection
                .into_iter()
                .map(|(path, value)| (path.to_owned(), value))
                .collect();
            let inbound = paths["app"] != "zscalerbyz";
            paths.extend(
                features
                    .into_iter()
                    .filter(|(path, _)| inbound || !path.contains("INBOUND")),
            );
            paths.insert("org".to_owned(), json!("acme"));
            // No two entries have one service app.
            if let Some(name) = paths.get_mut("hub.clientName") {
                *name = json!(format!("spoke, \"acme\" {number}"));
            }
            match label {
                Some(label) => paths.insert("label".to_owned(), json!(format!("{label} {number}"))),
                None => paths.insert("appId".to_owned(), json!(format!("0oa{number}"))),
            };
            paths
        },
    )
}

fn manifest() -> impl Strategy<Value = Vec<BTreeMap<String, Value>>> {
    (1..8usize).prop_flat_map(|count| (0..count).map(entry).collect::<Vec<_>>())
}

fn nested(paths: &BTreeMap<String, Value>) -> Value {
    let mut root = Map::new();
    for (path, value) in paths {
        let mut object = &mut root;
        let mut keys = path.split('.').peekable();
        while let Some(key) = keys.next() {
            if keys.peek().is_none() {
                object.insert(key.to_owned(), value.clone());
                break;
            }
            let below = object.entry(key).or_insert_with(|| json!({}));
            object = below.as_object_mut().expect("an object");
        }
    }
    Value::Object(root)
}

fn to_csv(entries: &[BTreeMap<String, Value>], terminator: csv::Terminator) -> Vec<u8> {
    let mut columns: Vec<&String> = entries.iter().flat_map(BTreeMap::keys).collect();
    columns.sort();
    columns.dedup();
    let mut writer = csv::WriterBuilder::new()
        .terminator(terminator)
        .from_writer(Vec::new());
    writer.write_record(&columns).expect("memory");
    for entry in entries {
        let cells = columns.iter().map(|column| match entry.get(*column) {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) => {
                let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                list.join(";")
            }
            Some(other) => other.to_string(),
        });
        writer.write_record(cells).expect("memory");
    }
    writer.into_inner().expect("memory")
}

fn as_csv(entries: &[Entry], note: &str) -> Vec<u8> {
    let mut columns = Columns::with_notes();
    let mut bytes = Vec::new();
    for (row, entry) in (2..).zip(entries) {
        columns.add(&Record::of(row, entry)).expect("a CSV form");
    }
    let mut csv = CsvManifest::begin(&mut bytes, columns, Path::new("/")).expect("memory");
    for (row, entry) in (2..).zip(entries) {
        let notes = Note::ALL.map(|column| (column, note.into()));
        let record = Record {
            comment: note,
            notes: &notes,
            ..Record::of(row, entry)
        };
        csv.record(&record).expect("memory");
    }
    csv.end().expect("memory");
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in bytes()) {
        let folder = TempDir::new().expect("folder");
        for name in ["m.csv", "m.json", "m.jsonl"] {
            let (entries, problems) = read(folder.path(), name, &bytes);
            prop_assert!(!entries.is_empty() || !problems.is_empty());
        }
    }

    #[test]
    fn what_is_written_as_csv_holds_no_formula_and_comes_back_as_it_was(
        labels in prop::collection::vec((formula(), "[=\t\r@'-]{0,2}[a-z=]{1,5}"), 1..5),
        notes in "[=+@'\t\r-]{0,2}.{0,9}",
    ) {
        let entries: Vec<Entry> = labels
            .iter()
            .enumerate()
            .map(|(number, (label, setting))| {
                let app = json!({ "subDomain": setting, "list": [format!("={number}"), "-x"] });
                serde_json::from_value(json!({
                    "org": "acme", "app": "zoomus", "label": format!("{label}{number}"),
                    "create": { "settings": { "app": app } },
                    "connection": { "profile": { "authScheme": "OAUTH2" } } }))
                .expect("an entry")
            })
            .collect();
        let bytes = as_csv(&entries, &notes);
        let cells = csv::Reader::from_reader(&*bytes);
        for record in cells.into_records() {
            for cell in &record.expect("CSV") {
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
            }
        }
        let folder = TempDir::new().expect("folder");
        let (read, problems) = read(folder.path(), "m.csv", &bytes);
        prop_assert_eq!(problems, Vec::<String>::new());
        // In CSV a list of an app's own settings is a text: only what is typed has lists.
        let texts = |entries: &[Entry]| -> Vec<(Option<String>, Value)> {
            let of = |entry: &Entry| entry.create.as_ref().map(|create| create.settings.app["subDomain"].clone());
            entries.iter().map(|entry| (entry.label.clone(), of(entry).unwrap_or_default())).collect()
        };
        prop_assert_eq!(texts(&read), texts(&entries));
    }

    #[test]
    fn a_valid_manifest_reads_the_same_from_every_format(manifest in manifest()) {
        let folder = TempDir::new().expect("folder");
        let apps: Vec<Value> = manifest.iter().map(nested).collect();
        let expected: Vec<Entry> = apps
            .iter()
            .map(|app| serde_json::from_value(app.clone()).expect("what serde reads, too"))
            .collect();
        let document = json!({ "apps": apps });
        let lines: Vec<String> = apps.iter().map(Value::to_string).collect();
        for (name, content) in [
            ("m.csv", to_csv(&manifest, csv::Terminator::CRLF)),
            ("m.csv", to_csv(&manifest, csv::Terminator::Any(b'\n'))),
            ("m.json", document.to_string().into_bytes()),
            ("m.json", serde_json::to_vec_pretty(&document).expect("JSON")),
            ("m.jsonl", lines.join("\n").into_bytes()),
        ] {
            let (entries, problems) = read(folder.path(), name, &content);
            prop_assert_eq!(problems, Vec::<String>::new());
            prop_assert_eq!(&entries, &expected, "{}", name);
        }
    }
}
