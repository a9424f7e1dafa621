//! An org that repeats what it was sent by earlier runs and about other entries, wherever it may put a text. (That no
//! secret got out is looked at when a story ends.)

use serde_json::{Value, json};

use crate::support::{
    ADMIN_PASSWORD, APP_TOKEN, Honest, Lie, Scenario, forms, google, office365, user, zscaler,
};

/// Tokens of entries that the org is not asked about yet, in every spelling, as one text.
fn all_known(honest: &Honest) -> String {
    let own = honest.credential.replace("SSWS ", "");
    let of = |secret: &str| {
        let forms = forms(secret).into_iter();
        let spelled = forms.filter(|(form, _)| *form != "backwards");
        let mut spelled: Vec<String> = spelled.map(|(_, text)| text).collect();
        spelled.push(secret.chars().flat_map(|c| [c, '\u{200d}']).collect());
        spelled.join(" ")
    };
    [APP_TOKEN, OTHER_TOKEN, ADMIN_PASSWORD, own.as_str()]
        .map(of)
        .join(" ")
}

/// Of the last entry.
const OTHER_TOKEN: &str = "tell-tale/other+token";

fn each_text(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(fields) => {
            let named: Vec<_> = std::mem::take(fields).into_iter().collect();
            for (name, mut value) in named {
                // What an app and a feature are found by stays.
                if !matches!(&*name, "id" | "name") {
                    each_text(&mut value, change);
                }
                fields.insert(name, value);
            }
        }
        _ => {}
    }
}

/// What is no state stays as it is, but for what is said beside it.
fn beside(honest: &Honest) -> Lie {
    let known = all_known(honest);
    let mut body: Value = serde_json::from_str(&honest.body).unwrap_or_default();
    each_text(&mut body, &|text| match text {
        "ENABLED" | "DISABLED" | "ACTIVE" | "TOKEN" | "OAUTH2" => text.to_owned(),
        link if link.contains("://") && link.contains("state=") => text.to_owned(),
        _ => known.clone(),
    });
    honest.told_as(honest.status, &body.to_string())
}

fn everywhere(honest: &Honest) -> Lie {
    let known = all_known(honest);
    let mut body: Value = serde_json::from_str(&honest.body).unwrap_or_default();
    each_text(&mut body, &|_| known.clone());
    honest.told_as(honest.status, &body.to_string())
}

fn refused(honest: &Honest) -> Lie {
    let known = all_known(honest);
    let body = json!({ "errorCode": known, "errorSummary": known, "errorId": known,
        "errorCauses": [{ "errorSummary": known }] });
    honest.told_as(400, &body.to_string())
}

fn refused_by_code(honest: &Honest) -> Lie {
    // A secret that would pass for a word of Okta's.
    let body =
        json!({ "errorCode": APP_TOKEN, "errorSummary": OTHER_TOKEN, "errorId": ADMIN_PASSWORD });
    honest.told_as(404, &body.to_string())
}

#[test]
fn no_secret_of_another_entry_or_an_earlier_run_is_repeated() {
    for (way, distort) in [
        ("beside", beside as fn(&Honest) -> Lie),
        ("everywhere", everywhere),
        ("refused", refused),
        ("refused by code", refused_by_code),
    ] {
        let mut story = Scenario::of([]);
        story.write("secrets/other", &format!("{OTHER_TOKEN}\n"));
        let entries = [
            google("0oa1").feature(user()),
            office365("0oa2"),
            zscaler("0oa3").feature(user()),
            zscaler("0oa4").token("file:secrets/other"),
        ];
        story.manifest(entries.clone());
        let acme = story.distorts("acme", distort);
        story.manifest(entries);
        story.write(
            "job.toml",
            "manifest = 'm.json'\n[http]\ntimeout = '2s'\n[limits]\nmaxInFlight = 1\n\
             [retry]\nmaxAttempts = 2\ninitial = '1ms'\nmax = '2ms'\norgPatience = '2s'\n",
        );
        let ends = |arguments: &[&str]| {
            let ran = story.okta_rollout(arguments);
            let code = ran.code();
            assert!(
                matches!(code, Some(0 | 2 | 3 | 4)),
                "{way}: {arguments:?}: {code:?}: {}",
                ran.said()
            );
        };
        // Before anything was ever sent from this ledger, and after.
        for arguments in [
            &["plan", "job.toml", "-v"][..],
            &["plan", "job.toml", "--format", "json"],
            &["plan", "job.toml", "--out", "plan.json"],
            &["run", "job.toml", "-vv"],
            &["report"],
            &["report", "--format", "json", "--calls"],
        ] {
            ends(arguments);
        }
        acme.turn(false);
        assert_eq!(
            story.okta_rollout(&["run", "job.toml", "--new"]).code(),
            Some(4)
        );
        acme.turn(true);
        for arguments in [
            &["plan", "job.toml", "-v"][..],
            &["plan", "job.toml", "--format", "json"],
            &["consent", "refresh"],
            &["consent", "list"],
            &["run", "job.toml", "--new", "-vv"],
            &["run", "job.toml", "--new", "--force", "--reconnect", "-vv"],
            &["resume", "--failed"],
            &["status", "--format", "json"],
            &["report", "--format", "csv"],
            &["report", "--format", "json", "--calls"],
        ] {
            ends(arguments);
        }
    }
}
