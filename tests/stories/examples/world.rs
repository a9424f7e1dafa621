//! The folder in which examples are run: files of every name they use, simulated orgs, and a run that has something for
//! everybody: an app that waits for consent, one that failed for a reason that is gone by now, and some that are done.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::texts::readme_job;
use crate::support::{Entry, Ran, Receiver, Scenario, google, partly_user, slack, zoomus, zscaler};

/// Commands that serve until they are interrupted, and what they say then.
const SERVES: [(&str, &str); 2] = [
    ("okta-rollout sandbox", "serving until interrupted"),
    ("okta-rollout serve", "listens on"),
];

/// What a line that serves until it is stopped says then.
fn serves(line: &str) -> Option<&'static str> {
    if line.ends_with(" --desk") {
        return Some("listens on");
    }
    let known = SERVES.iter().find(|(begin, _)| line.starts_with(begin));
    known.map(|(_, says)| *says)
}

/// A line that names a database there. Only where there is a PostgreSQL to try it on.
#[cfg(feature = "postgres")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
fn on_postgres(line: &str, at: usize) -> Option<String> {
    let server = crate::postgres_server::server();
    let end = line[at..].find(' ').map_or(line.len(), |end| at + end);
    let url = server.empty();
    let mut there = format!("{}{url}{}", &line[..at], &line[end..]);
    if line.starts_with("okta-rollout work ") && !line.contains("--drain") {
        // Nobody is there to stop it.
        there += " --drain";
    }
    server.sql(
        "postgres",
        "DO $$ BEGIN CREATE ROLE rollout_worker LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
    );
    if line.contains("ledger move") && end == line.len() {
        return Some(there);
    }
    Some(format!(
        "okta-rollout -q run rollout.csv --orgs orgs.csv --ledger {url}\n{there}"
    ))
}

#[cfg(not(feature = "postgres"))]
const fn on_postgres(_: &str, _: usize) -> Option<String> {
    None
}

/// The folder, and the run that examples refer to.
pub struct World {
    story: Scenario,
    run: String,
    answer: String,
    /// Takes the notices of its jobs.
    _receiver: Receiver,
}

impl World {
    pub fn new() -> Self {
        let late = google("0oa5")
            .at("acme")
            .labelled("Late")
            .feature(partly_user());
        let entries = [
            zscaler("0oa1").labelled("Z").feature(partly_user()),
            google("0oa2").labelled("G"),
            slack("0oa3").labelled("S").at("globex"),
            zscaler("0oa4").labelled("Y").at("globex"),
            zoomus("0oa6").labelled("M").at("hub"),
            google("0oa7").labelled("C").at("canary-1"),
        ];
        let all: Vec<Entry> = entries.iter().cloned().chain([late.clone()]).collect();
        let mut story = Scenario::of(entries);
        let receiver = Receiver::ready();
        story.set("ROLLOUT_WEBHOOK", &receiver.url);
        story.set(
            "ROLLOUT_WEBHOOK_SECRET",
            "d2hhdCBzaWducyB0aGUgbm90aWNlcyBvZiB0aGlz",
        );
        let missing = story.path("rollout.json");
        write_manifest(&story, &missing, &all);
        story.copy("jobs");
        story.copy("samples");
        story.write("jobs/nightly.toml", readme_job());
        let made = rcgen::generate_simple_self_signed(["corp.example".to_owned()]).unwrap();
        story.write("jobs/corp-ca.pem", &made.cert.pem());
        for folder in [".config/fish/completions", ".local/share"] {
            std::fs::create_dir_all(story.path(folder)).unwrap();
        }
        let quietly =
            |line: &str, code| story.shell(&format!("okta-rollout -q {line}")).exits(code);
        // The app of `late` is not there yet.
        quietly("run rollout.json", 3);
        quietly("report --format csv -o rollout.csv", 0);
        let mut world = Self {
            story,
            run: String::new(),
            answer: String::new(),
            _receiver: receiver,
        };
        world.ran("run rollout.csv --orgs orgs.csv", 3);
        world.ran("report --only failed --format csv -o again.csv", 0);
        world.ran("report --only failed --format json -o again.json", 0);
        world.story.add_app("acme", &late.seed());
        world.ran("plan rollout.csv --orgs orgs.csv --out plan.json", 0);
        let runs = world.ran("runs --format json", 0).json();
        runs[0]["run"].as_str().unwrap().clone_into(&mut world.run);
        let consents = world.story.consents();
        let consent = consents
            .iter()
            .find(|one| one["org"] == "acme" && one["app"] == "google");
        let link = consent.unwrap()["authorizeUrl"]
            .as_str()
            .unwrap()
            .to_owned();
        world.answer = world.story.approve(&link);
        world.story.write("desk.token", "tell-tale-desk-token\n");
        for name in ["okta-page.json", "answers.txt", "mail.eml"] {
            world.story.write(name, &world.answer);
        }
        world
    }

    fn ran(&self, line: &str, code: i32) -> Ran {
        self.story
            .shell(&format!("okta-rollout -q {line}"))
            .exits(code)
    }

    /// Runs lines one after the other; each does what it is for, or leaves something to people that consent.
    ///
    /// # Errors
    /// What was said when one did not.
    pub fn runs(&self, lines: &[String]) -> Result<(), String> {
        let resolved: Vec<_> = lines.iter().filter_map(|line| self.resolve(line)).collect();
        for line in &resolved {
            if let Some(says) = serves(line) {
                self.serves(line, says);
            }
        }
        let lines: Vec<_> = resolved
            .iter()
            .filter(|line| serves(line).is_none())
            .collect();
        if lines.is_empty() {
            return Ok(());
        }
        // A link for one org leads to the desk that is there.
        let shares = |line: &&&String| line.contains(" consent share ");
        let desk = lines.iter().find(shares).map(|_| {
            let desk = self.story.desk(&["serve"]);
            desk.enter();
            desk
        });
        let home = self.story.path("");
        let token = self.story.api_token("acme");
        let mut script = format!(
            "export HOME='{}' ACME_OKTA_TOKEN='{token}' ZSCALER_TOKEN=app\n",
            home.display()
        );
        let begins = |line: &&String| line.starts_with("okta-rollout init");
        if lines.iter().any(|line| line.contains(" rollout/")) && !lines.iter().any(begins) {
            script += "okta-rollout -q init rollout\n";
        }
        for line in &lines {
            // The code that a line ends with is that of its last command: 4 is what people have to do.
            let codes = if leaves_failed(line) {
                "0 | 3 | 4"
            } else if line.ends_with(" --ask") {
                // There is no terminal here to ask at.
                "2"
            } else {
                "0 | 4"
            };
            writeln!(
                script,
                "{line}\ncode=$?; case $code in {codes}) ;; *) echo \"$code\" >&2; exit 99 ;; esac"
            )
            .unwrap();
        }
        let ran = self.story.shell_fed(&script, &self.answer);
        drop(desk);
        match ran.code() {
            Some(0) => Ok(()),
            code => Err(format!("{lines:#?}: {code:?}\n{}", ran.said())),
        }
    }

    fn serves(&self, line: &str, says: &str) {
        let arguments: Vec<_> = line.split_whitespace().skip(1).collect();
        let mut serving = self.story.begin(&arguments);
        serving.says(says);
        serving.signal("INT");
        let code = serving.ends();
        // A run at the desk may have come to what it leaves to people.
        let is_run = line.starts_with("okta-rollout run");
        let is_fine = matches!(code, Some(0 | 130)) || is_run && matches!(code, Some(3 | 4));
        assert!(is_fine, "{line}: {code:?}");
    }

    /// What a line of an example is here; `None` for one that is no business of the program:
    ///
    /// - `cargo run --release --` is the program; other commands of cargo are looked at, not run: this is one of them.
    /// - `k3f9` is the id of the last run, and `…` in a URL is what belongs there, so that the URL is the answer.
    /// - `init` begins in an empty folder, and `rollout/` is what it made in one.
    /// - `NAME=…` is a variable that the reader has a value for.
    /// - `postgres://…` is a database of the tests' own, in which a run was made, or none where a ledger is moved to.
    pub fn resolve(&self, line: &str) -> Option<String> {
        if line.trim().is_empty() || line.starts_with('#') {
            return None;
        }
        if let Some(at) = line.find("postgres://") {
            return on_postgres(line, at);
        }
        if line == "okta-rollout init" {
            // Somebody who begins has nothing yet.
            return Some("mkdir new && cd new && okta-rollout init".to_owned());
        }
        if let Some(cargo) = line.strip_prefix("cargo ") {
            let Some(ours) = cargo.strip_prefix("run --release -- ") else {
                assert!(is_cargo(cargo), "{line}: what does it do?");
                return None;
            };
            return self.resolve(&format!("okta-rollout {ours}"));
        }
        let known = ["okta-rollout ", "source ", "export "];
        assert!(
            known.iter().any(|begin| line.starts_with(begin)),
            "{line}: no rule runs it"
        );
        let mut words = Vec::new();
        for word in line.split(' ') {
            words.push(match word.split_once('=') {
                _ if word.starts_with("'https://") && word.contains('…') => {
                    format!("'{}'", self.answer)
                }
                Some((name, "…")) => format!("{name}=\"${name}\""),
                _ => word.replace("k3f9", &self.run),
            });
        }
        let line = words.join(" ");
        assert!(!line.contains('…'), "{line}: no rule says what … is");
        Some(line)
    }
}

/// Whether what had failed stays so.
fn leaves_failed(line: &str) -> bool {
    line.starts_with("okta-rollout resume") && !line.contains("failed")
}

/// Whether the project has what a command of cargo names.
fn is_cargo(cargo: &str) -> bool {
    let project = include_str!("../../../Cargo.toml");
    match cargo.split(' ').collect::<Vec<_>>()[..] {
        ["test"] | ["install", "--path", "."] => true,
        ["bench", "--bench", bench] => project.contains(&format!("name = \"{bench}\"")),
        _ => false,
    }
}

/// A manifest with its orgs, and the orgs in a file of their own.
fn write_manifest(story: &Scenario, file: &Path, entries: &[Entry]) {
    let mut orgs = serde_json::Map::new();
    let mut csv = String::from("org,url,auth.apiToken\n");
    for org in story.orgs() {
        let secret = format!("secrets/token-{org}");
        story.write(&secret, &story.api_token(&org));
        let auth = json!({ "apiToken": format!("file:{secret}") });
        writeln!(csv, "{org},{},file:{secret}", story.url(&org)).unwrap();
        orgs.insert(org.clone(), json!({ "url": story.url(&org), "auth": auth }));
    }
    let apps: Vec<Value> = entries.iter().map(Entry::json).collect();
    std::fs::write(file, json!({ "orgs": orgs, "apps": apps }).to_string()).unwrap();
    story.write("orgs.csv", &csv);
}
