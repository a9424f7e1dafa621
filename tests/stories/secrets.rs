//! No secret in anything the program leaves behind or says whatever happens.

use crate::consent::url_in;
use crate::support::{
    ADMIN_PASSWORD, APP_TOKEN, Hunter, Ran, Scenario, forms, google, office365, org2org, slack,
    user, zscaler,
};

/// Everything a scenario says and every secret it has, as it continues.
struct Told {
    said: String,
    secrets: Vec<String>,
}

impl Told {
    fn hear(&mut self, ran: &Ran) {
        self.said += &ran.said();
        self.said += &ran.data();
    }
}

/// A code may be written as it is or as it stands in a URL.
fn codes_of(url: &str) -> Vec<String> {
    let encoded = url.split("code=").nth(1).unwrap();
    let encoded = encoded.split('&').next().unwrap();
    vec![encoded.to_owned(), encoded.replace("%2F", "/")]
}

/// A rollout of everything that carries a secret, through failure, retry, consent and report.
fn lived_through() -> (Scenario, Told) {
    let faults = "limit = 0\n[[faults.rules]]\nfault = 'appliedError'\nmethod = 'POST'\ntimes = 2";
    let refused = "bad-tell-tale-refused-token";
    let story = Scenario::with(
        faults,
        [
            zscaler("0oa1").feature(user()),
            org2org("0oa2"),
            zscaler("0oa3").token("file:secrets/refused"),
            office365("0oa4"),
            google("0oa5"),
            slack("0oa6").at("globex"),
        ],
    );
    story.write("secrets/refused", refused);
    story.job("[[reports]]\nformat = 'json'\npath = 'reports/last.json'\n");
    let mut told = Told {
        said: String::new(),
        secrets: [APP_TOKEN, ADMIN_PASSWORD, refused]
            .map(str::to_owned)
            .into(),
    };
    for org in story.orgs() {
        told.secrets.push(story.api_token(&org));
    }
    let noisy = ["-vv", "run", "job.toml", "--format", "json"];
    told.hear(&story.okta_rollout(&noisy).exits(3));
    for consent in story.consents() {
        let url = url_in(&story.approve(consent["authorizeUrl"].as_str().unwrap()));
        told.secrets.extend(codes_of(&url));
        for answer in [
            url.replace("http://", "https://"),
            url.replace("/oauth2/callback", "/oauth2"),
            url,
        ] {
            told.hear(&story.fed(&["-vv", "consent", "complete"], &answer));
        }
    }
    for arguments in [
        &["-vv", "resume", "--failed"][..],
        &["-vv", "run", "job.toml", "--force"],
        &["-vv", "check", "job.toml"],
        &["status", "--format", "json"],
        &["consent", "list"],
        &["report", "--format", "text", "-o", "reports/last.txt"],
        &["report", "--format", "csv", "-o", "reports/last.csv"],
        &["report", "--format", "json"],
        &["runs"],
    ] {
        told.hear(&story.okta_rollout(arguments));
    }
    (story, told)
}

/// Whether a file of the story's own set-up holds secrets.
fn is_a_source(path: &std::path::Path) -> bool {
    path.parent()
        .is_some_and(|folder| folder.ends_with("secrets"))
}

#[test]
fn no_secret_is_in_any_file_or_word() {
    let (story, told) = lived_through();
    assert_eq!(
        told.secrets.len(),
        3 + 2 + 2 * 3,
        "{:?}",
        told.secrets.len()
    );
    let files: Vec<_> = story
        .files()
        .into_iter()
        .filter(|path| !is_a_source(path))
        .collect();
    for name in ["ledger.db", "ledger.db.key", "last.json", "last.csv"] {
        let found = files.iter().any(|path| path.ends_with(name));
        assert!(found, "{name} is missing in {files:?}");
    }
    for (place, secret) in told.secrets.iter().enumerate() {
        assert!(!told.said.contains(secret), "secret {place} was said");
        for file in &files {
            let bytes = std::fs::read(file).unwrap();
            let there = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!there, "secret {place} is in {}", file.display());
        }
    }
}

#[test]
fn no_secret_is_in_the_ledger_of_a_run_that_was_killed() {
    // The write-ahead log is still there then, with every checkpoint in it.
    let hang = "limit = 0\n[[faults.rules]]\nfault = 'hang'\norg = 'globex'\ntimes = 0";
    let story = Scenario::with(hang, [google("0oa1"), zscaler("0oa2").at("globex")]);
    let mut run = story.begin(&["-vv", "run", "job.toml"]);
    run.says("acme/google (row 1): waiting");
    let url = url_in(&story.approve(&story.link()));
    story.fed(&["consent", "complete"], &url).exits(0);
    run.says("acme/google (row 1): done");
    run.signal("KILL");
    assert_eq!(run.ends(), None);
    let log = story.path(".okta-rollout/ledger.db-wal");
    assert!(log.exists());
    let mut secrets = codes_of(&url);
    secrets.extend([APP_TOKEN.to_owned(), story.api_token("acme")]);
    for file in [log, story.path(".okta-rollout/ledger.db")] {
        let bytes = std::fs::read(file).unwrap();
        for secret in &secrets {
            let there = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!there);
        }
    }
}

#[test]
fn the_ledgers_key_is_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let story = Scenario::of([zscaler("0oa1")]);
    story.run().exits(0);
    let key = story.path(".okta-rollout/ledger.db.key");
    let mode = std::fs::metadata(key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_hunter_finds_a_secret_wherever_and_however_it_stands() {
    const SECRET: &str = "s3cr/t+&\"w";
    let by_hand = [
        "s3cr/t+&\"w",
        "s3cr%2Ft%2B%26%22w",
        "S3CR%2FT%2B%26%22W",
        "s3cr\\/t+&\\\"w",
        "s3cr/t+&amp;&quot;w",
        "\\u0073\\u0033\\u0063\\u0072\\u002f\\u0074\\u002b\\u0026\\u0022\\u0077",
        "733363722f742b262277",
        "czNjci90KyYidw",
        "xzM2NyL3QrJiJ3",
        "eHhzM2NyL3QrJiJ3",
        "w\"&+t/rc3s",
    ];
    let generated: Vec<_> = forms(SECRET).into_iter().map(|(_, text)| text).collect();
    for text in by_hand
        .into_iter()
        .chain(generated.iter().map(String::as_str))
    {
        let found = |plant: &dyn Fn(&Hunter, &std::path::Path)| {
            let folder = tempfile::tempdir().unwrap();
            let hunter = Hunter::default();
            hunter.secret("it", SECRET);
            plant(&hunter, folder.path());
            !hunter.leaks(folder.path()).is_empty()
        };
        let around = format!("before:{text}|after");
        assert!(
            found(&|hunter, _| hunter.hear("run", around.as_bytes())),
            "{text}"
        );
        let write = |folder: &std::path::Path| std::fs::write(folder.join("f"), &around).unwrap();
        assert!(found(&|_, folder| write(folder)), "{text}");
        let unchanged = |hunter: &Hunter, folder: &std::path::Path| {
            write(folder);
            hunter.input(&folder.join("f"), around.as_bytes());
        };
        assert!(!found(&unchanged), "{text}");
        let changed = |hunter: &Hunter, folder: &std::path::Path| {
            write(folder);
            hunter.input(&folder.join("f"), b"something else");
        };
        assert!(found(&changed), "{text}");
    }
    let folder = tempfile::tempdir().unwrap();
    let hunter = Hunter::default();
    hunter.secret("it", SECRET);
    hunter.hear("run", b"s3cr/t+&'w, s3cr, nothing");
    assert_eq!(hunter.leaks(folder.path()), Vec::<String>::new());
}
