//! How a run ends when its org cannot be reached, holds its calls back, or is interrupted: exit codes,
//! what is said, and that nothing is lost. The org is a few lines of TCP.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;

use serde_json::Value;
use tempfile::TempDir;

/// An org that answers every request the same, and tells of each that came.
struct Org {
    address: SocketAddr,
    requests: mpsc::Receiver<String>,
}

impl Org {
    fn answering(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, requests) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that went away, and a test that ended, are both no matter here.
                let told = stream.and_then(|stream| serve(&stream, &answer));
                if told.is_ok_and(|request| tell.send(request).is_err()) {
                    break;
                }
            }
        });
        Self { address, requests }
    }

    /// Its budget is used up for an hour.
    fn used_up() -> Self {
        let reset = jiff::Timestamp::now().as_second() + 3600;
        let body = r#"{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit"}"#;
        Self::answering(format!(
            "HTTP/1.1 429 Too Many Requests\r\nx-rate-limit-limit: 50\r\nx-rate-limit-remaining: 0\r\n\
             x-rate-limit-reset: {reset}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ))
    }
}

fn serve(mut stream: &TcpStream, answer: &str) -> std::io::Result<String> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // Headers end with an empty line; a body may follow and stays unread.
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    stream.write_all(answer.as_bytes())?;
    Ok(request)
}

/// A folder with a manifest of two apps, a job and an org at this address.
fn rollout(address: SocketAddr) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write(
        "m.csv",
        "org,app,appId,connection.baseUrl,connection.profile.authScheme,connection.profile.token\n\
         acme,zscalerbyz,0oa1,https://scim.zscalerbeta.net/1/2/scim,TOKEN,file:secret\n\
         acme,zscalerbyz,0oa2,https://scim.zscalerbeta.net/1/2/scim,TOKEN,file:secret\n",
    );
    write("secret", "t0ps3cret\n");
    write(
        "o.csv",
        &format!("org,url,auth.apiToken\nacme,http://{address},file:secret\n"),
    );
    write(
        "job.toml",
        "manifest = 'm.csv'\norgs = 'o.csv'\n\
         [retry]\nmaxAttempts = 2\ninitial = '1ms'\nmax = '1ms'\n\
         [[reports]]\nformat = 'json'\npath = 'reports/last.json'\n",
    );
    folder
}

fn okta_rollout(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_okta-rollout"));
    command.current_dir(folder).args(arguments).env_clear();
    command
}

fn ended(folder: &Path, arguments: &[&str], code: i32) -> Output {
    let output = okta_rollout(folder, arguments).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// An address that nobody listens on.
fn nowhere() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn an_org_that_cannot_be_reached_is_exit_code_3_with_the_next_command() {
    let folder = rollout(nowhere());
    let run = ended(folder.path(), &["run", "job.toml", "--format", "json"], 3);
    let report = json(&run);
    assert_eq!(report["totals"]["entries"], 2);
    assert_eq!(report["totals"]["changed"], 0);
    let said = text(&run.stderr);
    let id = report["run"].as_str().unwrap();
    // Also right if the address was wrong and is corrected now, which a run that continues would not take.
    assert!(said.contains("then: okta-rollout run job.toml"), "{said}");
    assert!(!said.contains("t0ps3cret"), "{said}");

    let written = std::fs::read(folder.path().join("reports/last.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), report);

    let resumed = json(&ended(folder.path(), &["resume", "--format", "json"], 3));
    assert_eq!(resumed["run"], id);
}

#[test]
fn an_interrupted_run_is_130_or_143_and_the_same_command_continues() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let org = Org::used_up();
        let folder = rollout(org.address);
        let run = begun(&folder, &org);
        send(signal, &run);
        let output = run.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("okta-rollout resume"), "{said}");

        let status = json(&ended(folder.path(), &["status", "--format", "json"], 0));
        assert_eq!(status["state"], "interrupted");
        assert_eq!(status["totals"]["pending"], 2);
        assert_eq!(status["entries"][0]["steps"][0]["state"], "pending");

        let again = begun(&folder, &org);
        send(signal, &again);
        again.wait_with_output().unwrap();
        let runs = json(&ended(folder.path(), &["runs", "--format", "json"], 0));
        assert_eq!(runs.as_array().unwrap().len(), 1, "{runs}");
    }
}

#[test]
fn a_second_process_is_notified_of_who_holds_the_run() {
    let org = Org::used_up();
    let folder = rollout(org.address);
    let run = begun(&folder, &org);
    for arguments in [&["run", "job.toml"][..], &["resume"]] {
        let said = text(&ended(folder.path(), arguments, 2).stderr);
        assert!(said.contains(&run.id().to_string()), "{said}");
        assert!(said.contains("okta-rollout status"), "{said}");
    }
    let status = json(&ended(folder.path(), &["status", "--format", "json"], 0));
    assert_eq!(status["state"], "running");
    send("-INT", &run);
    run.wait_with_output().unwrap();
}

#[test]
fn a_run_of_which_only_stopped_orgs_are_left_is_settled_and_a_new_one_starts() {
    let folder = rollout(nowhere());
    ended(folder.path(), &["run", "job.toml"], 3);
    let manifest = folder.path().join("m.csv");
    let changed = std::fs::read_to_string(&manifest)
        .unwrap()
        .replace("0oa2", "0oa3");
    std::fs::write(&manifest, changed).unwrap();
    let said = text(&ended(folder.path(), &["run", "job.toml"], 3).stderr);
    let wanted =
        "is settled: 2 entries are left of it, of orgs that were stopped; a new run starts";
    assert!(said.contains(wanted), "{said}");
    ended(folder.path(), &["run", "job.toml", "--new"], 3);
    let runs = json(&ended(folder.path(), &["runs", "--format", "json"], 0));
    assert_eq!(runs.as_array().unwrap().len(), 3, "{runs}");
}

#[test]
fn a_csv_report_is_a_manifest_again() {
    let folder = rollout(nowhere());
    ended(folder.path(), &["run", "job.toml"], 3);
    let report = &[
        "report",
        "--format",
        "csv",
        "--only",
        "pending",
        "-o",
        "sub/again.csv",
    ];
    ended(folder.path(), report, 0);
    // It stands in another folder, and its `file:` reference still leads to the secret.
    let check = &[
        "check",
        "sub/again.csv",
        "--orgs",
        "o.csv",
        "--format",
        "json",
    ];
    let checked = json(&ended(folder.path(), check, 0));
    assert_eq!(checked["entries"], 2);
    let job = std::fs::read_to_string(folder.path().join("job.toml")).unwrap();
    let again = job.replace("m.csv", "sub/again.csv");
    std::fs::write(folder.path().join("again.toml"), again).unwrap();
    ended(folder.path(), &["run", "again.toml"], 3);
}

#[test]
fn a_reader_that_goes_away_ends_a_report_quietly() {
    let folder = rollout(nowhere());
    ended(folder.path(), &["run", "job.toml"], 3);
    let mut report = okta_rollout(folder.path(), &["report", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(report.stdout.take());
    let output = report.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn unknown_runs_and_answers_are_exit_code_2() {
    let folder = rollout(nowhere());
    ended(folder.path(), &["run", "job.toml"], 3);
    for arguments in [
        &["status", "zzzz"][..],
        &["report", "zzzz"],
        &["resume", "zzzz"],
        &["consent", "complete", "not an answer"],
        &["consent", "complete", "--file", "none.txt"],
    ] {
        let output = ended(folder.path(), arguments, 2);
        assert!(text(&output.stderr).starts_with("error: "));
        assert!(output.stdout.is_empty());
    }
    let list = ended(folder.path(), &["consent", "list", "--format", "json"], 0);
    assert_eq!(json(&list), serde_json::json!([]));
}

/// A run that has sent its first call and waits for the org's budget.
fn begun(folder: &TempDir, org: &Org) -> Child {
    let run = okta_rollout(folder.path(), &["run", "job.toml"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let request = org.requests.recv().unwrap();
    assert!(request.contains("/api/v1/apps/"), "{request}");
    run
}

fn send(signal: &str, to: &Child) {
    let sent = Command::new("kill")
        .args([signal, &to.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}
