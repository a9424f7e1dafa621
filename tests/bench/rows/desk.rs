//! The desk: how soon a page of ten thousand waiting entries begins to come, and what fifty people who listen cost a run.
//! Orgs are simulated by the program itself.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::child::Program;
use crate::support::table::{Table, say};

/// Entries that wait, in so many orgs.
const WAITING: usize = 10_000;
const ORGS: usize = 200;

/// Entries of the run that people listen to, in so many orgs: some seconds of work.
const WORKED: usize = 36_000;
const AT_WORK: usize = 20;

/// People who listen.
const STREAMS: usize = 50;

/// Looks at each page.
const LOOKS: usize = 21;

/// Pairs of runs. One run differs from the next by a tenth, whatever it is: only the median of many tells.
const PAIRS: usize = 15;

const TOKEN: &str = "bench-desk-token";

/// The rows.
pub fn rows() -> anyhow::Result<Table> {
    let mut table = Table::default();
    let folder = folder(
        WAITING,
        ORGS,
        "google",
        r#"{"profile":{"authScheme":"OAUTH2"}}"#,
    )?;
    let (desk, program) = start(folder.path())?;
    for _ in 0..WAITING {
        program.says("waiting for consent")?;
    }
    let mut slowest = Duration::ZERO;
    for path in [
        "/consents",
        "/consents?page=150",
        "/consents?org=org-7*",
        "/runs",
    ] {
        let mut looks = (0..LOOKS)
            .map(|_| desk.first_byte(path))
            .collect::<Result<Vec<_>, _>>()?;
        looks.sort();
        let median = looks[LOOKS / 2];
        say(&format!(
            "desk, {path}: first byte after {:.1} ms",
            ms(median)
        ));
        slowest = slowest.max(median);
    }
    table.row(
        "desk, 10,000 waiting: first byte",
        ms(slowest),
        ..=50.0,
        "ms",
    );
    drop(program);
    heard(&mut table)?;
    Ok(table)
}

/// What those who listen cost: the median of the ratios of two runs, one after the other, in turns the other first.
fn heard(table: &mut Table) -> anyhow::Result<()> {
    let mut pairs = Vec::new();
    for pair in 1..=PAIRS {
        let (alone, heard) = if pair % 2 == 0 {
            let heard = run(STREAMS)?;
            (run(0)?, heard)
        } else {
            (run(0)?, run(STREAMS)?)
        };
        let (alone, heard) = (alone.as_secs_f64(), heard.as_secs_f64());
        say(&format!(
            "desk, pair {pair}: alone {alone:.2} s, with {STREAMS} event streams {heard:.2} s"
        ));
        pairs.push((heard / alone, alone));
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, alone) = pairs[PAIRS / 2];
    table.row("a run with 50 event streams", ratio, ..=1.05, "× without");
    let (least, most) = (pairs[0].0, pairs[PAIRS - 1].0);
    table.baseline(
        "the run without",
        format!("{alone:.2} s; the ratios were {least:.2} to {most:.2}"),
    );
    Ok(())
}

/// How long a run takes that so many listen to.
fn run(streams: usize) -> anyhow::Result<Duration> {
    let connection = r#"{"baseUrl":"https://scim.example.com/1/2/scim","profile":{"authScheme":"TOKEN","token":"file:app-token"}}"#;
    let folder = folder(WORKED, AT_WORK, "zscalerbyz", connection)?;
    let (desk, program) = start(folder.path())?;
    let listeners: Vec<_> = (0..streams)
        .map(|_| desk.listen())
        .collect::<Result<_, _>>()?;
    program.says(": done")?;
    let begun = Instant::now();
    program.says(": settled, begun ")?;
    let took = begun.elapsed();
    program.ends()?;
    drop(listeners);
    Ok(took)
}

struct Desk {
    address: String,
}

fn start(folder: &Path) -> anyhow::Result<(Desk, Program)> {
    let free = TcpListener::bind("127.0.0.1:0")?;
    let address = free.local_addr()?.to_string();
    drop(free);
    let arguments = [
        "run",
        "job.toml",
        "--desk",
        "--listen",
        &address,
        "--token",
        "file:desk.token",
    ];
    let program = Program::start(folder, &arguments)?;
    program.says("listens on")?;
    Ok((Desk { address }, program))
}

impl Desk {
    fn ask(&self, path: &str) -> anyhow::Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.address)?;
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes())?;
        Ok(stream)
    }

    fn first_byte(&self, path: &str) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        let mut stream = self.ask(path)?;
        let mut first = [0; 12];
        stream.read_exact(&mut first)?;
        let took = begun.elapsed();
        anyhow::ensure!(
            &first == b"HTTP/1.1 200",
            "{path}: {}",
            String::from_utf8_lossy(&first)
        );
        stream.read_to_end(&mut Vec::new())?;
        Ok(took)
    }

    /// Somebody who hears all that happens, until the desk ends.
    fn listen(&self) -> anyhow::Result<std::thread::JoinHandle<()>> {
        let mut stream = self.ask("/events")?;
        Ok(std::thread::spawn(move || {
            // It ends with the desk.
            drop(std::io::copy(&mut stream, &mut std::io::sink()));
        }))
    }
}

fn folder(entries: usize, orgs: usize, app: &str, connection: &str) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut text = String::from("{\"orgs\":{");
    for org in 0..orgs {
        let comma = if org > 0 { "," } else { "" };
        write!(text, "{comma}\"org-{org}\":{{\"url\":\"sandbox\"}}")?;
    }
    text.push_str("},\"apps\":[");
    for no in 0..entries {
        let (comma, org) = (if no > 0 { "," } else { "" }, no % orgs);
        write!(
            text,
            "{comma}{{\"org\":\"org-{org}\",\"app\":\"{app}\",\"label\":\"App {no}\",\"connection\":{connection}}}"
        )?;
    }
    text.push_str("]}");
    std::fs::write(folder.path().join("m.json"), text)?;
    let job = "manifest = 'm.json'\n[sandbox]\nconsent = 'manual'\nlimit = 0\n";
    std::fs::write(folder.path().join("job.toml"), job)?;
    std::fs::write(folder.path().join("desk.token"), TOKEN)?;
    std::fs::write(folder.path().join("app-token"), "bench-app-token")?;
    Ok(folder)
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
