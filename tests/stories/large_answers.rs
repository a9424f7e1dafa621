//! Answers that are far larger than Okta's, from twenty orgs at once: they end what asked for them with the reason, and
//! take little memory, whatever is in them.

use std::time::Duration;

use axum::body::Bytes;

use crate::support::{Asked, Lie, Scenario, lie, zscaler};

const ORGS: usize = 20;

/// The most memory that answers may take beside what a process takes anyway, in MB.
const MOST_MB: f64 = 100.0;

const MIB: usize = 1024 * 1024;

/// A list of so many bytes of the same element.
fn list_of(element: &str, length: usize) -> Bytes {
    let times = (length - 2) / (element.len() + 1);
    let elements = vec![element; times].join(",");
    format!("[{elements}]").into()
}

/// A page of so many bytes of different apps, each with this more in it.
fn apps(more: &str, length: usize) -> Bytes {
    let mut page = String::from("[");
    for no in 0.. {
        let id = if no == 0 {
            "0oa1".to_owned()
        } else {
            format!("0oax{no}")
        };
        let label = if no == 0 {
            "Zscaler".to_owned()
        } else {
            format!("App {no}")
        };
        let app = format!(
            r#"{{"id":"{id}","name":"zscalerbyz","label":"{label}","status":"ACTIVE","more":{more}}},"#
        );
        if page.len() + app.len() > length {
            break;
        }
        page += &app;
    }
    page.pop();
    page.push(']');
    page.into()
}

/// A connection with this more in it.
fn connection(more: &[u8]) -> Bytes {
    let start = br#"{"status":"ENABLED","profile":{"authScheme":"TOKEN"},"more":"#;
    [start, more, b"}"].concat().into()
}

/// A list of one feature with these capabilities.
fn features(capabilities: &[u8]) -> Bytes {
    let start = br#"[{"name":"USER_PROVISIONING","status":"ENABLED","capabilities":"#;
    [start, capabilities, b"}]"].concat().into()
}

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Page,
    Connection,
    Features,
}

impl About {
    fn of(path: &str) -> Self {
        if path.ends_with("/connections/default") {
            Self::Connection
        } else if path.ends_with("/features") {
            Self::Features
        } else {
            Self::Page
        }
    }

    fn honest(self) -> Bytes {
        match self {
            Self::Page => apps("{}", 200),
            Self::Connection => connection(b"1"),
            Self::Features => features(b"{}"),
        }
    }
}

/// Twenty orgs that answer calls about this with these, and all others honestly.
fn answering(about: About, status: u16, body: &Bytes) -> Scenario {
    let mut story = Scenario::of([]);
    let names: Vec<_> = (0..ORGS).map(|no| format!("org{no}")).collect();
    for name in &names {
        let body = body.clone();
        let answer = move |asked: &Asked| -> Lie {
            match About::of(&asked.path) {
                found if found == about => lie(status, &[], body.clone()),
                found => lie(200, &[], found.honest()),
            }
        };
        let liar = story.lies(answer);
        story.org_at(name, &liar.url);
    }
    let entry = |name: &String| {
        let user = crate::support::partly_user();
        zscaler("0oa1").labelled("Zscaler").feature(user).at(name)
    };
    story.write(
        "job.toml",
        "manifest = 'm.json'\n[retry]\nmaxAttempts = 1\n",
    );
    story.manifest(names.iter().map(entry));
    story
}

/// The highest memory of a plan in MB, and what it said with which code.
fn plan(story: &Scenario) -> (f64, Option<i32>, String) {
    let mut plan = story.begin_limited("exec >plan.txt", &["plan", "job.toml", "-v"]);
    let mut peak = 0.0;
    let code = loop {
        peak = plan.peak_mb().unwrap_or(peak);
        if let Some(status) = plan.ended() {
            break status.code();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let shown = std::fs::read_to_string(story.path("plan.txt")).unwrap();
    (peak, code, shown)
}

/// What every org answers, to calls about what, with which code a plan ends, and what it says.
type Case = (&'static str, About, u16, Bytes, i32, &'static str);

#[track_caller]
fn take_little_memory(cases: Vec<Case>) {
    let (idle, code, shown) = plan(&answering(About::Page, 200, &About::Page.honest()));
    assert_eq!(code, Some(0), "{shown}");
    for (what, about, status, body, code, wanted) in cases {
        let story = answering(about, status, &body);
        let (peak, found, shown) = plan(&story);
        assert_eq!(found, Some(code), "{what}: {shown}");
        assert!(shown.contains(wanted), "{what}: {shown}");
        assert!(peak - idle <= MOST_MB, "{what}: {peak} MB, {idle} MB idle");
    }
}

const TOO_LARGE: &str = "the answer is larger than 1 MiB";
const NOT_OURS: &str = "with a body that is not the expected JSON";

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn large_objects_take_little_memory() {
    use About::{Connection, Features};
    let text = |length| format!("\"{}\"", "x".repeat(length)).into_bytes();
    let nest = |part: &str, times| Bytes::from(part.repeat(times));
    let (numbers, objects) = (list_of("0", MIB - 100), list_of("{\"a\":0}", MIB - 100));
    take_little_memory(vec![
        (
            "numbers",
            Connection,
            200,
            list_of("0", 16 * MIB),
            3,
            TOO_LARGE,
        ),
        ("a nest", Connection, 200, nest("[", 2 * MIB), 3, TOO_LARGE),
        (
            "a text",
            Connection,
            200,
            connection(&text(16 * MIB)),
            3,
            TOO_LARGE,
        ),
        (
            "a small nest",
            Connection,
            200,
            nest("{\"a\":[", MIB / 8),
            3,
            NOT_OURS,
        ),
        (
            "nothing but numbers",
            Connection,
            200,
            numbers.clone(),
            3,
            NOT_OURS,
        ),
        (
            "unused numbers",
            Connection,
            200,
            connection(&numbers),
            0,
            "zscalerbyz",
        ),
        (
            "unused objects",
            Connection,
            200,
            connection(&objects),
            0,
            "zscalerbyz",
        ),
        (
            "an unused text",
            Connection,
            200,
            connection(&text(MIB - 100)),
            0,
            "zscalerbyz",
        ),
        (
            "used numbers",
            Features,
            200,
            features(&numbers),
            3,
            NOT_OURS,
        ),
        (
            "used objects",
            Features,
            200,
            features(&objects),
            3,
            NOT_OURS,
        ),
        (
            "an error",
            Connection,
            400,
            list_of("0", 16 * MIB),
            3,
            "status 400",
        ),
        (
            "a fault",
            Connection,
            500,
            connection(&text(16 * MIB)),
            3,
            "status 500",
        ),
    ]);
}

#[test]
fn large_pages_take_little_memory() {
    use About::Page;
    let numbers = String::from_utf8(list_of("0", 64_000).to_vec()).unwrap();
    let text = format!("\"{}\"", "x".repeat(MIB / 2));
    let element = "an element of the answer is larger than 1 MiB";
    let many = "far more elements than were asked for";
    take_little_memory(vec![
        ("a nest", Page, 200, "[".repeat(2 * MIB).into(), 3, element),
        (
            "unused numbers",
            Page,
            200,
            apps(&numbers, 2 * MIB),
            0,
            "zscalerbyz",
        ),
        (
            "unused texts",
            Page,
            200,
            apps(&text, 8 * MIB),
            0,
            "zscalerbyz",
        ),
        ("very many", Page, 200, apps("0", 4 * MIB), 3, many),
        (
            "too much",
            Page,
            200,
            apps(&text, 9 * MIB),
            3,
            "the answer is larger than 8 MiB",
        ),
    ]);
}
