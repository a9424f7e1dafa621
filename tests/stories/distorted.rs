//! An org whose every answer is distorted, one way after the other, before every command that asks it something: each
//! ends, none has a bug or repeats a secret, the other org is done as if nothing were the matter, and once answers are
//! honest again all comes right.

use serde_json::{Value, json};

use crate::support::{Distorted, Honest, Lie, Scenario, forms, google, lie, user, zscaler};

/// What a way of lying is called, and the lie.
type Way = (&'static str, fn(&Honest) -> Lie);

/// Every text of a JSON document, changed.
fn each_text(value: &mut Value, change: &dyn Fn(&str) -> Value) {
    match value {
        Value::String(text) => *value = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| each_text(field, change)),
        _ => {}
    }
}

fn with_texts(honest: &Honest, change: &dyn Fn(&str) -> Value) -> Lie {
    let mut body: Value = serde_json::from_str(&honest.body).unwrap_or_default();
    each_text(&mut body, change);
    honest.told_as(honest.status, &body.to_string())
}

fn refusal(honest: &Honest, text: &str) -> Lie {
    let body = json!({ "errorCode": text, "errorSummary": text, "errorId": text, "errorLink": text,
        "errorCauses": [{ "errorSummary": text }, { "reason": text, "location": text }] });
    honest.told_as(400, &body.to_string())
}

/// Credential and body as they were sent, in every spelling, as one text.
fn all_sent(honest: &Honest) -> String {
    let token = honest.credential.replace("SSWS ", "");
    let mut sent: Vec<String> = forms(&token)
        .into_iter()
        // Nobody writes it backwards.
        .filter(|(form, _)| *form != "backwards")
        .map(|(_, text)| text)
        .collect();
    sent.push(token.chars().flat_map(|c| [c, '\u{200b}']).collect());
    sent.push(token.chars().flat_map(|c| [c, '\u{1b}']).collect());
    sent.push(honest.sent.clone());
    sent.push(honest.path.clone());
    sent.join(" ")
}

const FORGED: &str =
    "\u{1b}[2J\u{9b}31m\r\u{8}\u{202e}\n0 mistakes\nno mistakes\u{7}\u{0}\u{2028}x";

const WAYS: [Way; 24] = [
    ("it refuses and repeats what was sent", |honest| {
        refusal(honest, &all_sent(honest))
    }),
    ("it repeats what was sent as every text", |honest| {
        with_texts(honest, &|_| all_sent(honest).into())
    }),
    ("it refuses in escape sequences", |honest| {
        refusal(honest, FORGED)
    }),
    ("every text is escape sequences", |honest| {
        with_texts(honest, &|_| FORGED.into())
    }),
    ("every text is empty", |honest| {
        with_texts(honest, &|_| "".into())
    }),
    ("every text is very long", |honest| {
        with_texts(honest, &|_| "x".repeat(100_000).into())
    }),
    ("every text is a number", |honest| {
        with_texts(honest, &|_| json!(1e300))
    }),
    ("every text is nothing", |honest| {
        with_texts(honest, &|_| Value::Null)
    }),
    ("every text is a list", |honest| {
        with_texts(honest, &|text| json!([text]))
    }),
    ("an object is a list of it", |honest| {
        honest.told_as(honest.status, &format!("[{}]", honest.body))
    }),
    ("a list is an object", |honest| {
        honest.told_as(honest.status, &format!("{{\"items\":{}}}", honest.body))
    }),
    ("it is empty", |honest| honest.told_as(honest.status, "")),
    ("it says created and nothing more", |honest| {
        honest.told_as(201, "{}")
    }),
    ("it says no content", |honest| honest.told_as(204, "")),
    ("it is half of it", |honest| {
        honest.told_as(
            honest.status,
            &honest.body[..honest.body.floor_char_boundary(honest.body.len() / 2)],
        )
    }),
    ("something follows it", |honest| {
        honest.told_as(honest.status, &format!("{}}}]0", honest.body))
    }),
    ("it has each key twice", |honest| {
        let twice = honest
            .body
            .replace("\"status\":", "\"status\":\"X\",\"status\":");
        honest.told_as(
            honest.status,
            &twice.replace("\"id\":", "\"id\":\"0oaX\",\"id\":"),
        )
    }),
    ("it is as deep as can be", |honest| {
        honest.told_as(
            honest.status,
            &format!("{}{}", "[".repeat(200_000), "]".repeat(200_000)),
        )
    }),
    ("it leads elsewhere", |_| {
        lie(302, &[("location", "http://127.0.0.1:1/stolen")], "")
    }),
    ("it leads to itself", |honest| {
        lie(307, &[("location", &honest.path)], "")
    }),
    ("its links are no links", |honest| {
        let body = honest
            .body
            .replace("\"href\":\"http", "\"href\":\"javascript:http");
        honest.told_as(honest.status, &body)
    }),
    ("it speaks of another app", |honest| {
        honest.told_as(honest.status, &honest.body.replace("0oa", "0ob"))
    }),
    ("its limits are nonsense", |honest| {
        let headers = [
            (
                "x-rate-limit-limit",
                "340282366920938463463374607431768211456",
            ),
            ("x-rate-limit-remaining", "-1"),
            ("x-rate-limit-reset", "NaN"),
            ("date", "Mon, 01 Jan 0001 00:00:00 GMT"),
            ("retry-after", "999999999999999999"),
            ("x-okta-request-id", "a\tb"),
            ("link", "<<>>; rel=next, ; rel=\"next"),
        ];
        lie(honest.status, &headers, honest.body.clone())
    }),
    (
        "its authentication header repeats what was sent",
        |honest| {
            let header = format!("Bearer error=\"{}\", scope=\"{0}\"", honest.credential);
            lie(403, &[("www-authenticate", &header)], "")
        },
    ),
];

/// An org that is distorted, and one that is not.
struct Story {
    story: Scenario,
    acme: Distorted,
}

impl Story {
    fn of(distort: fn(&Honest) -> Lie) -> Self {
        let mut story = Scenario::of([zscaler("0oa3").at("globex")]);
        let google = google("0oa1").feature(user());
        let zscaler = zscaler("0oa2").labelled("Zscaler");
        // The apps are there before anything is asked.
        story.manifest([google.clone(), zscaler.clone()]);
        let acme = story.distorts("acme", distort);
        story.manifest([
            google,
            zscaler,
            crate::support::zscaler("0oa3").at("globex"),
        ]);
        story.write(
            "job.toml",
            "manifest = 'm.json'\n[http]\ntimeout = '2s'\n[retry]\nmaxAttempts = 2\ninitial = '1ms'\n\
             max = '2ms'\norgPatience = '2s'\n",
        );
        Self { story, acme }
    }

    /// The answer to the consent that waits.
    fn consented(&self) -> String {
        let honest = self.story.url("acme");
        let link = self.story.link().replace(&self.acme.url, &honest);
        self.story.approve(&link).replace(&honest, &self.acme.url)
    }

    /// It ends, by a code that it has; what it says is fit to be read.
    fn ends(&self, way: &str, arguments: &[&str], input: &str) {
        let ran = self.story.fed(arguments, input);
        let code = ran.code();
        let said = ran.said();
        assert!(
            matches!(code, Some(0 | 2 | 3 | 4)),
            "{way}: {arguments:?}: {code:?}: {said}"
        );
        for text in [&said, &ran.data()] {
            let odd = |c: char| {
                c.is_control() && !matches!(c, '\n' | '\t')
                    || "\u{202e}\u{200b}\u{2028}".contains(c)
            };
            assert!(!text.contains(odd), "{way}: {arguments:?}: {text:?}");
            let forged = text.lines().any(|line| line == "no mistakes");
            assert!(!forged, "{way}: {arguments:?}: {text}");
        }
    }
}

#[test]
fn an_org_that_distorts_texts_harms_nobody_else() {
    is_survived(&WAYS[..8]);
}

#[test]
fn an_org_that_distorts_shapes_harms_nobody_else() {
    is_survived(&WAYS[8..16]);
}

#[test]
fn an_org_that_distorts_what_is_meant_harms_nobody_else() {
    is_survived(&WAYS[16..]);
}

fn is_survived(ways: &[Way]) {
    for (way, distort) in ways {
        let told = Story::of(*distort);
        let story = &told.story;
        told.ends(way, &["run", "job.toml"], "");
        let report = story.report();
        assert_eq!(report["entries"][2]["state"], "done", "{way}: {report}");
        for arguments in [
            &["plan", "job.toml"][..],
            &["plan", "job.toml", "--format", "json"],
            &["export", "--job", "job.toml", "--org", "acme"],
            &["resume", "--failed"],
            &["status"],
            &["report", "--format", "csv"],
            &["consent", "list"],
        ] {
            told.ends(way, arguments, "");
        }

        told.acme.turn(false);
        let healed = story.okta_rollout(&["run", "job.toml", "--new"]);
        assert_eq!(healed.code(), Some(4), "{way}: {}", healed.said());
        let answer = told.consented();

        told.acme.turn(true);
        told.ends(way, &["consent", "complete"], &answer);
        told.ends(way, &["consent", "refresh"], "");
        told.ends(way, &["run", "job.toml", "--new"], "");

        told.acme.turn(false);
        let healed = story.okta_rollout(&["run", "job.toml", "--new"]);
        if healed.code() == Some(4) {
            story.okta_rollout(&["consent", "refresh"]).exits(0);
            let done = story.fed(&["consent", "complete"], &told.consented());
            assert_eq!(done.code(), Some(0), "{way}: {}", done.said());
        }
        story.okta_rollout(&["resume"]);
        let healed = story.okta_rollout(&["run", "job.toml", "--new"]);
        assert_eq!(healed.code(), Some(0), "{way}: {}", healed.said());
    }
}
