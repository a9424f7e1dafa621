//! Texts from outside that a terminal would obey or nobody would see, in every place where one can come from: whatever
//! the command and whatever it says of them, nothing of the kind is printed, and none makes a line of its own.

use clap::{Command, CommandFactory as _};
use okta_rollout::cli::args::Args;
use serde_json::{Value, json};

use crate::support::{
    APP_TOKEN, Asked, Lie, Ran, Scenario, forms, google, lie, org2org, slack, user, zscaler,
};

/// How a line would begin that a text made.
const FORGED: &str = "FORGED";

/// What texts hold.
const TEXTS: [&str; 12] = [
    "\u{1b}[2J\u{1b}[Hx",
    "x\u{1b}[8mx",
    "x\rFORGED x",
    "x\nFORGED m.json: 1 entry in 1 org, no mistakes",
    "x\u{7}\u{8}\u{7f}x",
    "x\u{9b}2J\u{85}x",
    "x\u{202e}gnp.x",
    "x\u{2066}x\u{200f}",
    "x\u{200b}\u{200d}\u{feff}x",
    "x\u{2028}FORGED\u{2029}FORGED",
    "x\u{1b}]8;;https://evil.example\u{1b}\\x\u{1b}]8;;\u{7}",
    "x\u{e0041}\u{ad}x",
];

fn everything() -> String {
    TEXTS.concat()
}

fn long() -> String {
    "x".repeat(100_000)
}

fn each() -> impl Iterator<Item = String> {
    let texts = TEXTS.iter().map(|&text| text.to_owned());
    texts.chain([everything(), long()])
}

fn is_forbidden(c: char) -> bool {
    let is_unseen = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}');
    is_unseen || (c.is_control() && c != '\n')
}

/// Neither stream holds anything of the kind.
#[track_caller]
fn is_clean(what: &str, ran: &Ran) {
    for text in [ran.data(), ran.said()] {
        let bad = text.chars().find(|c| is_forbidden(*c));
        assert_eq!(bad, None, "{what}: {text:?}");
        let is_forged = |line: &str| line.trim_start().starts_with(FORGED);
        let forged = text.lines().find(|line| is_forged(line));
        assert_eq!(forged, None, "{what}: {text}");
    }
    let lines = ran.said();
    let longest = lines.lines().map(str::len).max().unwrap_or_default();
    assert!(longest < 20_000, "{what}: a line of {longest} bytes");
    assert_ne!(ran.code(), Some(1), "{what}: {lines}");
    assert_ne!(ran.code(), None, "{what}: {lines}");
}

/// A manifest with something in every place where a text can stand.
fn manifest() -> Value {
    json!({
        "orgs": { "acme": {
            "url": "https://acme.okta.com",
            "auth": { "apiToken": "env:ACME_TOKEN" },
            "limits": { "share": 0.5 } } },
        "defaults": { "features": { "USER_PROVISIONING": { "create": { "lifecycleCreate": { "status": "ENABLED" } } } } },
        "apps": [
            { "org": "acme", "app": "zscalerbyz", "appId": "0oa1", "status": "ENABLED",
              "connection": { "baseUrl": "https://scim.example/1",
                              "profile": { "authScheme": "TOKEN", "token": "env:ZSCALER_TOKEN" } } },
            { "org": "acme", "app": "okta_org2org", "label": "To the hub",
              "create": { "signOnMode": "SAML_2_0", "settings": { "app": { "baseUrl": "https://hub.okta.com" } } },
              "connection": { "profile": { "authScheme": "OAUTH2", "clientId": "0oa9",
                                           "signing": { "rotationMode": "AUTO" } } } },
            { "org": "acme", "app": "office365", "label": "Office",
              "connection": { "profile": { "authScheme": "OAUTH2",
                  "settings": { "adminUsername": "env:A", "adminPassword": "file:secrets/b" } } },
              "features": { "INBOUND_PROVISIONING": {
                  "importSettings": { "username": { "userNameFormat": "CUSTOM", "userNameExpression": "x" },
                      "schedule": { "status": "ENABLED", "fullImport": { "expression": "0 2 * * *", "timezone": "UTC" } } } } } } ]
    })
}

/// The manifest with this text instead of, or behind, each of its values, or with its keys so.
fn spoilt(value: &Value, keys: bool, spoil: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| {
                let is_path = matches!(key.as_str(), "orgs" | "apps");
                let key = if keys && !is_path {
                    spoil(key)
                } else {
                    key.clone()
                };
                (key, spoilt(value, keys, spoil))
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| spoilt(item, keys, spoil)).collect(),
        Value::String(text) if !keys => spoil(text).into(),
        Value::Number(number) if !keys => spoil(&number.to_string()).into(),
        other => other.clone(),
    }
}

/// Whatever reads a file says of it; what all texts come to is shown to every command that does.
fn look_at(story: &Scenario, what: &str, file: &str, text: &str) {
    let all = [
        &["check", file][..],
        &["check", file, "--format", "json"],
        &["check", file, "--orgs", file],
        &["plan", file],
        &["run", file],
    ];
    let of_all = if text == everything() { all.len() } else { 1 };
    for arguments in &all[..of_all] {
        let ran = story.okta_rollout(arguments);
        is_clean(&format!("{what}: {}", arguments.join(" ")), &ran);
    }
}

#[test]
fn manifests_orgs_files_and_jobs() {
    let story = Scenario::of([]);
    for text in each() {
        let instead = |_: &str| text.clone();
        let behind = |before: &str| format!("{before}{text}");
        for (no, keys, spoil) in [
            (0, false, &instead as &dyn Fn(&str) -> String),
            (1, false, &behind),
            (2, true, &behind),
        ] {
            let value = spoilt(&manifest(), keys, spoil);
            let what = format!("{no} {:?}", &text[..text.floor_char_boundary(60)]);
            story.write("bad.json", &value.to_string());
            look_at(&story, &what, "bad.json", &text);
        }
        let lines = spoilt(&manifest()["apps"], false, &behind);
        let lines = lines.as_array().unwrap().iter().map(Value::to_string);
        story.write("bad.jsonl", &lines.collect::<Vec<_>>().join("\n"));
        look_at(&story, &text, "bad.jsonl", &text);
    }
    for text in each() {
        let cell = format!("\"{text}\"");
        for csv in [
            format!("org,app,{cell}\nacme,google,x\n"),
            format!("org,app,appId,label\n{cell},{cell},{cell},{cell}\nacme,{cell},0oa1,\n"),
            format!("org,app,appId\nacme,google,0oa1,{cell}\n"),
            format!("org,url,auth.apiToken\n{cell},{cell},{cell}\nacme,{cell},env:{cell}\n"),
            text.clone(),
        ] {
            story.write("bad.csv", &csv);
            look_at(&story, &csv, "bad.csv", &text);
        }
        let quoted = serde_json::to_string(&text)
            .unwrap()
            .replace("\\u007f", "\u{7f}");
        for job in [
            format!("manifest = {quoted}\n"),
            format!("{quoted} = 1\nmanifest = 'm.json'\n"),
            format!("manifest = 'm.json'\nonDrift = {quoted}\norgs = {quoted}\n"),
            format!(
                "manifest = 'm.json'\n[{quoted}]\nx = 1\n[retry]\ninitial = {quoted}\n{quoted} = 2\n"
            ),
            format!("manifest = 'm.json'\n[[reports]]\nformat = {quoted}\npath = {quoted}\n"),
            format!("manifest = 'm.json'\n[ledger]\npath = {quoted}\nkeep = {quoted}\n"),
            format!(
                "manifest = 'm.json'\n[secrets]\npassEnv = [{quoted}]\n[http]\ncaFile = {quoted}\n"
            ),
            format!("manifest = 'm.json'\n[sandbox]\nconsent = {quoted}\n"),
            format!("manifest = '{text}'\n{text}\n"),
        ] {
            story.write("bad.toml", &job);
            look_at(&story, &job, "bad.toml", &text);
        }
    }
}

#[test]
fn names_of_files() {
    let story = Scenario::of([zscaler("0oa1")]);
    let good = std::fs::read_to_string(story.path("m.json")).unwrap();
    for text in [TEXTS[0], TEXTS[3], TEXTS[6], TEXTS[10]] {
        // A name of a file holds no slash.
        let name = text.replace('/', "-");
        let (json, toml) = (format!("{name}.json"), format!("{name}.toml"));
        story.write(&json, &good);
        story.write(&toml, "manifest = 'nowhere.json'");
        look_at(&story, "no manifest", &toml, text);
        let job = format!("manifest = {}\n", serde_json::to_string(&json).unwrap());
        story.write(&toml, &job);
        look_at(&story, "a job", &toml, text);
        look_at(&story, "a manifest", &json, text);
        look_at(&story, "none", &format!("{name}.csv"), text);
        for arguments in [
            &["status"][..],
            &["runs"],
            &["runs", "--format", "json"],
            &["report"],
            &["report", "--format", "json"],
            &["report", "-o", &name],
            &["resume"],
            &["run", &json, "--new", "--force"],
            &["plan", &json, "--save", &name],
            &["run", "--plan", &name],
            &["init", &format!("in-{name}")],
        ] {
            let ran = story.okta_rollout(arguments);
            is_clean(&arguments.join(" "), &ran);
        }
        for (env, what) in [
            ("A=1\nnot a line", "a line"),
            (&*format!("{text}=1\n"), "a name"),
        ] {
            story.write(&name, env);
            let ran = story.okta_rollout(&["check", "m.json", "--env-file", &name]);
            is_clean(what, &ran);
        }
    }
}

#[test]
fn variables() {
    for text in each() {
        // A story's secrets are hunted for at its end, so that each has a story of its own.
        let mut story = Scenario::of([zscaler("0oa1")]);
        let value = text.replace('\0', "");
        story.set("OKTA_ROLLOUT_LEDGER", &value);
        is_clean(
            "a ledger of the environment",
            &story.okta_rollout(&["status"]),
        );
        story.unset("OKTA_ROLLOUT_LEDGER");
        story.set("HTTPS_PROXY", &value);
        is_clean("a proxy", &story.okta_rollout(&["plan", "job.toml"]));
        // The hunt takes its time for a secret as long as that.
        if text.len() > 10_000 {
            continue;
        }
        let mut story = Scenario::of([zscaler("0oa1")]);
        story.set("ACME_TOKEN", &value);
        is_clean("a secret", &story.okta_rollout(&["plan", "job.toml"]));
    }
}

/// Every command, by its words.
fn commands(command: &Command, words: &[String], found: &mut Vec<(Vec<String>, Command)>) {
    for below in command.get_subcommands() {
        let words = [words, &[below.get_name().to_owned()]].concat();
        commands(below, &words, found);
        found.push((words, below.clone()));
    }
}

#[test]
fn arguments_of_every_command() {
    let story = Scenario::of([google("0oa1")]);
    story.run().exits(4);
    let mut command = Args::command();
    command.build();
    let mut all = Vec::new();
    commands(&command, &[], &mut all);
    all.retain(|(words, _)| words[0] != "help");
    assert!(all.len() > 15, "{}", all.len());
    for (words, command) in &all {
        // What serves would do so until it is stopped.
        let fixed: &[&str] = if words == &["sandbox"] || words == &["serve"] {
            &["--listen", "203.0.113.1:1"]
        } else {
            &[]
        };
        for text in [everything(), long()] {
            let file = command
                .get_positionals()
                .next()
                .map(|_| "m.json".to_owned());
            let mut given = vec![vec![text.clone()], vec![format!("--{text}")]];
            for option in command.get_arguments() {
                let Some(flag) = option.get_long() else {
                    continue;
                };
                let takes = option.get_action().takes_values();
                if takes && !fixed.contains(&format!("--{flag}").as_str()) {
                    let mut words = vec![format!("--{flag}={text}")];
                    words.extend(file.clone());
                    given.push(words);
                }
            }
            for rest in given {
                let rest = rest.iter().map(String::as_str);
                let words: Vec<&str> = words
                    .iter()
                    .map(String::as_str)
                    .chain(fixed.iter().copied())
                    .chain(rest)
                    .collect();
                let ran = story.okta_rollout(&words);
                is_clean(&words.join(" ").chars().take(300).collect::<String>(), &ran);
            }
        }
    }
}

/// What is wrong with a server.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    /// Texts that stand beside what matters.
    Beside,
    /// Everything that can be read.
    Read,
    /// What says why a call failed.
    Refusals,
    /// Links that people are to open.
    Links,
}

fn answer(wrong: Wrong, text: &str, asked: &Asked) -> Lie {
    let ok = |body: Value| lie(200, &[], body.to_string());
    let path = asked.path.split('?').next().unwrap_or_default();
    let (beside, status) = match wrong {
        Wrong::Beside => (text, "ENABLED"),
        Wrong::Read => (text, text),
        Wrong::Refusals => {
            let causes = json!([{ "errorSummary": text }, { "errorSummary": "x" }]);
            let code = if asked.no.is_multiple_of(2) {
                text
            } else {
                "E0000001"
            };
            let body = json!({ "errorCode": code, "errorSummary": text, "errorId": text, "errorCauses": causes });
            return lie(400, &[("x-okta-request-id", "r\u{ff}1")], body.to_string());
        }
        Wrong::Links => ("x", "DISABLED"),
    };
    if path == "/api/v1/apps" {
        return ok(json!([
            { "id": "0oa1", "name": "zscalerbyz", "label": text, "status": "ACTIVE" },
            { "id": "0oa2", "name": "zscalerbyz", "label": "Zscaler", "status": status },
            { "id": text, "name": "zscalerbyz", "label": "Twice", "status": "ACTIVE" },
            { "id": format!("{text}2"), "name": "zscalerbyz", "label": "Twice", "status": "ACTIVE" },
            { "id": "0oa9", "name": "google", "label": format!("Goggle{text}"), "status": "ACTIVE" },
            { "id": "0oa5", "name": text, "label": "x", "status": text } ]));
    }
    if path.ends_with("/features") {
        let create = json!({ "lifecycleCreate": { "status": beside } });
        let update = json!({ "profile": { "status": beside }, "lifecycleDeactivate": { "status": "DISABLED", beside: beside },
            "password": { "status": "DISABLED", "seed": beside, "change": "KEEP_EXISTING" } });
        return ok(json!([
            { "name": "USER_PROVISIONING", "status": beside, "capabilities": { "create": create, "update": update } },
            { "name": text, "status": text, "capabilities": { text: text } } ]));
    }
    if path.contains("/connections/") {
        let name = if path.contains("0oa9") || path.contains("0oa8") {
            "OAUTH2"
        } else {
            "TOKEN"
        };
        let scheme = if matches!(wrong, Wrong::Read) {
            text
        } else {
            name
        };
        let link = format!("https://accounts.google.com/{text}?state=s{text}");
        return ok(
            json!({ "status": status, "authScheme": scheme, "baseUrl": format!("https://z.example/{beside}"),
            "profile": { "authScheme": scheme, "clientId": beside, "signing": { "rotationMode": beside } },
            "_links": { "authorize": { "href": link } } }),
        );
    }
    let name = match (path.rsplit('/').next(), wrong) {
        (Some("0oa9"), _) => "google",
        (Some("0oa8"), _) => "slack",
        (Some("0oa7"), Wrong::Read) => text,
        (Some("0oa7"), _) => "okta_org2org",
        _ => "zscalerbyz",
    };
    ok(json!({ "id": beside, "name": name, "label": beside, "status": status }))
}

/// Puts an org that answers so before every command that meets it, and looks at what it says.
fn put_before_every_command(
    what: &str,
    answer: impl Fn(&Asked, &str) -> Lie + Send + Sync + 'static,
) {
    let mut story = Scenario::of([]);
    story.manifest([zscaler("0oa1")]);
    let token = story.api_token("acme");
    let liar = story.lies(move |asked| answer(asked, &token));
    story.org_at("acme", &liar.url);
    story.manifest([
        zscaler("0oa1").feature(user()),
        zscaler("0oa2").labelled("Zscaler").feature(user()),
        zscaler("0oa3").labelled("Twice"),
        zscaler("0oa4").disabled(),
        google("0oa9"),
        google("0oa6").labelled("Goggles"),
        slack("0oa8"),
        org2org("0oa7"),
    ]);
    let export = ["export", "--job", "job.toml", "--org", "acme"];
    for arguments in [
        &["plan", "job.toml"][..],
        &["plan", "job.toml", "-v"],
        &["plan", "job.toml", "--format", "json"],
        &["run", "job.toml", "-vv"],
        &["run", "job.toml", "--new", "--force"],
        &["status"],
        &["report"],
        &["report", "--calls"],
        &["report", "--format", "json", "--calls"],
        &["report", "--format", "csv"],
        &["resume", "--failed"],
        &["plan", "job.toml", "--format", "json"],
        &["consent", "list"],
        &["consent", "list", "--format", "json"],
        &["consent", "list", "--format", "csv"],
        &["consent", "refresh"],
        &[&export[..], &["--all-supported"]].concat(),
        &[&export[..], &["--format", "csv"]].concat(),
        &[&export[..], &["--retarget", "acme=globex"]].concat(),
    ] {
        let ran = story.okta_rollout(arguments);
        is_clean(&format!("{what} {}", arguments.join(" ")), &ran);
    }
    assert!(!liar.calls().is_empty());
}

const WRONG: [Wrong; 4] = [Wrong::Beside, Wrong::Read, Wrong::Refusals, Wrong::Links];

#[test]
fn what_orgs_answer() {
    for text in [everything(), TEXTS[3].to_owned(), long()] {
        for wrong in WRONG {
            let said = text.clone();
            let lie = move |asked: &Asked, _: &str| answer(wrong, &said, asked);
            put_before_every_command(&format!("{wrong:?}"), lie);
        }
    }
}

/// The hunt at the end of each scenario finds what was said or left behind of a secret.
#[test]
fn orgs_that_repeat_their_token() {
    let plain = |token: &str| token.to_owned();
    let split = |token: &str| format!("x {}\u{200b}{}", &token[..9], &token[9..]);
    let spelled = |token: &str| {
        let all = forms(token).into_iter().map(|(_, form)| form);
        all.collect::<Vec<_>>().join(" ")
    };
    for say in [plain, split, spelled as fn(&str) -> String] {
        for wrong in WRONG {
            let lie = move |asked: &Asked, token: &str| answer(wrong, &say(token), asked);
            put_before_every_command(&format!("{wrong:?}"), lie);
        }
    }
}

#[test]
fn headers_that_repeat_the_token() {
    for (status, header, before, after) in [
        (
            403,
            "www-authenticate",
            "Bearer error=\"insufficient_scope\", scope=\"",
            "\"",
        ),
        (
            403,
            "www-authenticate",
            "Bearer error=\"insufficient_scope\", scope=\"okta.",
            ".read\"",
        ),
        (
            401,
            "www-authenticate",
            "Bearer error=\"",
            "\", error_description=\"x\"",
        ),
        (302, "location", "https://", ".example/"),
        (302, "location", "https://x.example/?t=", ""),
        (503, "x-okta-request-id", "", ""),
        (
            200,
            "link",
            "<https://",
            ".example/api/v1/apps?after=x>; rel=\"next\"",
        ),
    ] {
        put_before_every_command(header, move |_, token| {
            let value = format!("{before}{token}{after}");
            lie(
                status,
                &[(header, &value), ("x-okta-request-id", token)],
                "[]",
            )
        });
    }
}

/// An org that was sent the token of an app shows it ever after, in what it says of that app.
#[test]
fn orgs_that_repeat_the_token_of_an_app() {
    let mut story = Scenario::of([]);
    let liar = story.lies(|asked| {
        let app = asked.path.split('/').nth(4).unwrap_or_default();
        match forms(APP_TOKEN).into_iter().cycle().nth(asked.no) {
            Some((_, form))
                if !matches!(app, "" | "0oa1") || asked.path.contains("/connections") =>
            {
                let wrong = [Wrong::Beside, Wrong::Read, Wrong::Refusals][asked.no % 3];
                answer(wrong, &form, asked)
            }
            _ => answer(Wrong::Links, "x", asked),
        }
    });
    story.org_at("acme", &liar.url);
    story.manifest((1..9).map(|no| zscaler(&format!("0oa{no}1")).feature(user())));
    for arguments in [
        &["run", "job.toml", "-vv"][..],
        &["run", "job.toml", "--new", "--force"],
        &["resume", "--failed"],
        &["status"],
        &["report", "--calls"],
        &["report", "--format", "json", "--calls"],
        &["report", "--format", "csv"],
    ] {
        is_clean(&arguments.join(" "), &story.okta_rollout(arguments));
    }
}

#[test]
fn answers_to_consents_and_what_the_ledger_holds() {
    let story = Scenario::of([google("0oa1"), zscaler("0oa2").missing()]);
    story.run().exits(3);
    let link = story.link();
    let page = story.approve(&link);
    for text in each() {
        for given in [
            text.clone(),
            page.replace("state", &format!("state{text}")),
            page.replace("0oa1", &format!("0oa1{text}")),
            format!(
                "https://acme.okta.com/api/v1/apps/{text}/oauth2/callback?code={text}&state={text}"
            ),
            json!({ "continue_oauth_flow_url": text, text.clone(): text }).to_string(),
            json!({ "error": text, "error_description": text, "state": text }).to_string(),
            format!("https://x.example/?error={text}&error_description={text}&state=x"),
        ] {
            let ran = story.fed(&["consent", "complete"], &given);
            is_clean(&format!("an answer {given:?}"), &ran);
        }
    }
    let sql = rusqlite::Connection::open(story.ledger()).unwrap();
    for text in each() {
        let message = serde_json::to_string(&text).unwrap();
        let changed = sql
            .execute(
                "UPDATE entry SET error = json_set(error, '$.message', json(?1), '$.hint', json(?1),
                     '$.requestId', json(?1)) WHERE error IS NOT NULL",
                [&message],
            )
            .unwrap();
        assert_eq!(changed, 1);
        for arguments in [
            &["status"][..],
            &["report"],
            &["report", "--format", "json"],
            &["report", "--format", "csv"],
            &["consent", "list"],
            &["runs"],
        ] {
            is_clean(&arguments.join(" "), &story.okta_rollout(arguments));
        }
    }
}

#[test]
fn only_our_own_styles_are_coloured() {
    let story = Scenario::of([zscaler("0oa1").feature(user())]);
    story.write(
        "bad.json",
        &spoilt(&manifest(), false, &|before| {
            format!("{before}{}", everything())
        })
        .to_string(),
    );
    for arguments in [
        &["check", "bad.json", "--color", "always"][..],
        &["plan", "job.toml", "--color", "always"],
        &["run", &everything(), "--color", "always"],
        &["run", "job.toml", "--color", "always"],
    ] {
        let ran = story.okta_rollout(arguments);
        let mut text = ran.said() + &ran.data();
        assert!(text.contains("\u{1b}["), "{text}");
        for style in (0..=49)
            .map(|number| format!("\u{1b}[{number}m"))
            .filter(|style| style != "\u{1b}[8m")
        {
            text = text.replace(&style, "");
        }
        let bad = text.chars().find(|c| is_forbidden(*c));
        assert_eq!(bad, None, "{arguments:?}: {text:?}");
        assert!(
            !text
                .lines()
                .any(|line| line.trim_start().starts_with(FORGED)),
            "{text}"
        );
    }
}
