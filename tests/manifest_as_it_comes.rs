//! Manifests as spreadsheets, mails and web pages leave them: what does no harm is read, what does is named.

#[path = "support/checked.rs"]
mod checked;

use std::fmt::Write as _;

use checked::{NO_SECRETS, ORGS, check_files};
use serde_json::json;

const HEADER: &str = "org,app,label,connection.profile.authScheme";
const ROW: &str = "acme,google,Google Workspace,OAUTH2";

/// A manifest and an orgs file, each with its cells separated so.
fn separated(separator: &str) -> (String, String) {
    let manifest = format!("{HEADER}\n{ROW}\n").replace(',', separator);
    (manifest, ORGS.replace(',', separator))
}

/// Problems of a manifest, and the labels of the entries that are right.
fn labels(manifest: &str, orgs: &str) -> (Vec<String>, Vec<String>) {
    let files = [
        ("m.csv", manifest.as_bytes()),
        ("orgs.csv", orgs.as_bytes()),
    ];
    let said = check_files(&files, NO_SECRETS).expect("readable");
    assert_eq!(said.checked.problem_count, said.problems.len() as u64);
    let labels = said
        .entries
        .into_iter()
        .map(|located| located.entry.label.unwrap_or_default())
        .collect();
    (said.problems, labels)
}

#[test]
fn what_does_no_harm_is_read_in_manifests_and_orgs_files() {
    let variants = [",", ";", "\t", " ; ", " ,\u{a0}", "\t "].map(separated);
    let mut cases = Vec::new();
    for (manifest, orgs) in variants {
        for before in ["", "\u{feff}", "\u{feff}\u{feff}", "\r\n\n", "\u{feff}\n"] {
            cases.push((format!("{before}{manifest}"), format!("{before}{orgs}")));
        }
        cases.push((manifest.replace('\n', "\r\n"), orgs.replace('\n', "\r\n")));
        cases.push((manifest.replace('\n', "\r"), orgs.replace('\n', "\r")));
    }
    for (separator, line) in [
        (",", "sep=,\n"),
        (";", "sep=;\r\n"),
        (";", "\u{feff}sep=;\n"),
        (";", "sep=;\n\u{feff}"),
        ("\t", "sep=\t\n"),
        ("|", "sep=|\n"),
        (";", "\"sep=;\"\n"),
        (";", "SEP=;;;\n"),
    ] {
        let (manifest, orgs) = separated(separator);
        cases.push((format!("{line}{manifest}"), format!("{line}{orgs}")));
    }
    let orgs = ORGS.to_owned();
    for manifest in [
        // Marks inside, where files were put together.
        format!("{HEADER}\n\u{feff}{ROW}\n"),
        format!("org,\u{feff}app,label,connection.profile.authScheme\u{feff}\n{ROW}\u{feff}\n"),
        // Columns and cells that hold nothing.
        format!("{HEADER},,\n{ROW},,\n"),
        format!("{HEADER}, ,\n{ROW}, ,\u{a0}\n"),
        format!("{HEADER},,,\n{ROW}\n"),
        format!("{HEADER}\n{ROW},,,,\n,,,,,,,,\n"),
        "org,,app,label,connection.profile.authScheme\nacme,,google,Google Workspace,OAUTH2\n"
            .to_owned(),
        // Blanks.
        format!("  {HEADER}  \n   {}   \n", ROW.replace(',', "  ,  ")),
        "org,app,label,connection.profile.authScheme\nacme,google,\" Google Workspace \",OAUTH2\n"
            .to_owned(),
    ] {
        cases.push((manifest, orgs.clone()));
    }
    for (manifest, orgs) in cases {
        let (problems, labels) = labels(&manifest, &orgs);
        assert_eq!(problems, [""; 0], "{manifest:?} {orgs:?}");
        assert_eq!(labels, ["Google Workspace"], "{manifest:?}");
    }
}

#[test]
fn rows_and_lines_are_counted_from_the_header() {
    let rows = "acme;google;A;OAUTH2\n\nacme;google;A;OAUTH2\n";
    let header = HEADER.replace(',', ";");
    for (before, line) in [
        ("", 4),
        ("sep=;\n", 5),
        ("\n\u{feff}\n", 6),
        ("sep=;\r\n\r\n", 6),
    ] {
        let (problems, _) = labels(&format!("{before}{header}\n{rows}"), ORGS);
        let expected = format!(
            "m.csv:{line}: row 3, label: is the same app in the same org as row 2 | keep one of the two"
        );
        assert_eq!(problems, [expected], "{before:?}");
    }
}

#[test]
fn lists_between_semicolons_need_quotes() {
    let header = "org;app;appId;hub.org;hub.clientName;hub.roles;connection.profile.authScheme";
    let orgs = "org;url\nacme;sandbox\nhub;sandbox\n";
    let with = |roles: &str| format!("{header}\nacme;okta_org2org;1;hub;c;{roles};OAUTH2\n");
    let files = |manifest: &str| {
        let files = [
            ("m.csv", manifest.as_bytes()),
            ("orgs.csv", orgs.as_bytes()),
        ];
        check_files(&files, NO_SECRETS).expect("readable")
    };
    let said = files(&with("\"USER_ADMIN; APP_ADMIN\""));
    assert_eq!(said.problems, [""; 0]);
    let entry = serde_json::to_value(&said.entries[0].entry).expect("plain data");
    assert_eq!(entry["hub"]["roles"], json!(["USER_ADMIN", "APP_ADMIN"]));
    let said = files(&with("USER_ADMIN;APP_ADMIN"));
    assert_eq!(
        said.problems,
        [
            "m.csv:2: row 2: has 8 cells, the header has 7 | a cell that contains a semicolon, such as a list, needs quotes around it"
        ]
    );
}

#[test]
fn what_does_harm_is_named() {
    let cell = |header: &str, row: &str| labels(&format!("{header}\n{row}\n"), ORGS).0;
    for (header, row, expected) in [
        (
            HEADER,
            "acme,google,Goo\u{200b}gle,OAUTH2",
            "m.csv:2: row 2, label: contains the invisible character U+200B (zero width space) | type it anew, or paste it as plain text",
        ),
        (
            HEADER,
            "ac\u{feff}me,google,G,OAUTH2",
            "m.csv:2: row 2, org: contains the invisible character U+FEFF (byte order mark) | type it anew, or paste it as plain text",
        ),
        (
            HEADER,
            "acme,google\u{200b},G,OAUTH2",
            "m.csv:2: row 2, app: contains the invisible character U+200B (zero width space) | type it anew, or paste it as plain text",
        ),
        (
            "org,a\u{ad}pp,app,label,connection.profile.authScheme",
            "acme,,google,G,OAUTH2",
            "m.csv:1: row 1, a\\u{ad}pp: the name of column 2 contains the invisible character U+00AD (soft hyphen) | type the name anew",
        ),
        (
            "org,app,label,connection.profile.authScheme,",
            "acme,google,G,OAUTH2,by hand",
            "m.csv:2: row 2: column 5 has no name | name it, or clear its cells; a name that begins with $ is for people",
        ),
        (
            "org,,app,label,connection.profile.authScheme",
            "acme,x,google,G,OAUTH2",
            "m.csv:2: row 2: column 2 has no name | name it, or clear its cells; a name that begins with $ is for people",
        ),
        (
            HEADER,
            "acme,google,G,OAUTH2,,x",
            "m.csv:2: row 2: has 6 cells, the header has 4 | a cell that contains a comma needs quotes around it",
        ),
        (
            HEADER,
            "acme,google,G",
            "m.csv:2: row 2: has 3 cells, the header has 4 | a cell that contains a comma needs quotes around it",
        ),
        (
            "org,app,appId,connection.baseUrl,connection.profile.authScheme,connection.profile.token",
            "acme,zscalerbyz,1,https://x.y/scim,TOKEN,env:TO\u{2060}KEN",
            "m.csv:2: row 2, connection.profile.token: contains the invisible character U+2060 (word joiner) | type it anew, or paste it as plain text",
        ),
    ] {
        let problems = cell(header, row);
        assert!(
            problems.iter().any(|problem| problem == expected),
            "{problems:#?}"
        );
    }
}

#[test]
fn what_does_harm_is_named_in_json_too() {
    let entry = |part: &str| {
        let text = format!(
            r#"{{"orgs":{{"acme":{{"url":"sandbox"}},"hub":{{"url":"sandbox"}}}},"apps":[{{"org":"acme","app":"okta_org2org",{part}}}]}}"#
        );
        let said = check_files(&[("m.json", text.as_bytes())], NO_SECRETS).expect("readable");
        said.problems.join("\n")
    };
    let connection = r#""connection":{"profile":{"authScheme":"OAUTH2"}}"#;
    for (part, expected) in [
        (
            format!(r#""label":"a\u200bb","hub":{{"org":"hub","clientName":"c"}},{connection}"#),
            "label: contains the invisible character U+200B",
        ),
        (
            format!(
                r#""appId":"1","hub":{{"org":"hub","clientName":"c","roles":["A\u200b"]}},{connection}"#
            ),
            "hub.roles: contains the invisible character U+200B",
        ),
        (
            format!(r#""appId":"1","hub":{{"org":"hub","client\u00adName":"c"}},{connection}"#),
            "contains the invisible character U+00AD",
        ),
        (
            format!(
                r#""label":"L","create":{{"settings":{{"app":{{"baseUrl":"https://a\u200b.okta.com"}}}}}},"hub":{{"org":"hub","clientName":"c"}},{connection}"#
            ),
            "create.settings.app: contains the invisible character U+200B",
        ),
    ] {
        let problems = entry(&part);
        assert!(problems.contains(expected), "{part}: {problems}");
    }
}

#[test]
fn a_decimal_comma_is_reported_as_one() {
    let manifest = format!("{HEADER}\n{ROW}\n");
    let orgs = "org;url;limits.share\nacme;sandbox;0,5\n";
    let (problems, _) = labels(&manifest, orgs);
    assert_eq!(
        problems,
        [
            "orgs.csv:2: row 2, limits.share: expects a number, not `0,5` | write it with a point: 0.5"
        ]
    );
}

#[test]
fn a_header_of_any_length_is_read() {
    let mut header = HEADER.replace(',', ";");
    for number in 0..500 {
        write!(header, ";features.{}{number}", "x".repeat(200)).expect("memory");
    }
    let row = format!("{}{}", ROW.replace(',', ";"), ";".repeat(500));
    let (problems, _) = labels(&format!("{header}\n{row}\n"), ORGS);
    assert_eq!(problems.len(), 500, "{:?}", problems.first());
    assert!(problems[0].starts_with("m.csv:1: row 1, features.xx"));
}
