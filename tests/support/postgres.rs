//! A PostgreSQL of the tests' own: started once by each test binary that needs one, and stopped when that ends, however
//! it ends. A test that finds none fails. Benches have one that stores as durably as any.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Where Debian puts PostgreSQL, a folder a version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Who tests connect as: the one who made the cluster.
pub const USER: &str = "tests";

/// A running server.
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    settings: &'static [&'static str],
    databases: AtomicU64,
}

/// What no test needs to survive a loss of power is not waited for.
const FORGETFUL: &[&str] = &["fsync=off", "full_page_writes=off", "shared_buffers=64MB"];

/// Of this role a password is asked for; all others are trusted.
pub const STRANGER: &str = "stranger";

/// The server of this test binary.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    /// A server of a test's own, which that may do anything to; others share [`server`].
    pub fn start() -> Self {
        Self::with(FORGETFUL)
    }

    /// A server with PostgreSQL's own settings, for measurements.
    pub fn durable() -> Self {
        Self::with(&[])
    }

    fn with(settings: &'static [&'static str]) -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new()
            .prefix("okta-rollout-pg-")
            .tempdir()
            .unwrap()
            .keep();
        // Whoever it runs as has to get in.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let server = Self {
            port: free_port(),
            folder,
            programs,
            settings,
            databases: AtomicU64::new(0),
        };
        server.run(
            "initdb",
            &[
                "--auth=trust",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C",
                "-U",
                USER,
                "-D",
            ],
        );
        let rules = server.data().join("pg_hba.conf");
        let others = fs::read_to_string(&rules).unwrap();
        let asked = format!("host all {STRANGER} all scram-sha-256");
        fs::write(rules, format!("{asked}\n{others}")).unwrap();
        server.go();
        server.wait();
        server
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Lets it run, with the data that it has.
    // A shell is its parent: it stops the server once the other end of its input is closed, which the system does however
    // this process ends.
    pub fn go(&self) {
        let port = self.port.to_string();
        let log = File::create(self.folder.join("log")).unwrap();
        let server = self.programs.join("postgres");
        let script = r#""$0" "$@" & server=$!; cat >/dev/null; kill -QUIT $server; wait $server; rm -rf "$FOLDER""#;
        let nobody = as_nobody(server);
        let child: Child = Command::new("sh")
            .args(["-c", script])
            .arg(nobody.get_program())
            .args(nobody.get_args())
            .arg("-D")
            .arg(self.data())
            .args(["-p", &port, "-k"])
            .arg(&self.folder)
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "max_connections=300",
            ])
            .args(self.settings.iter().flat_map(|setting| ["-c", setting]))
            .env("FOLDER", &self.folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        // Its input stays open as long as this process is there.
        std::mem::forget(child);
    }

    /// Returns once it answers.
    pub fn wait(&self) {
        let begun = Instant::now();
        while !self.answers() {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn answers(&self) -> bool {
        let port = self.port.to_string();
        Command::new(self.programs.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &port])
            .status()
            .unwrap()
            .success()
    }

    fn log(&self) -> String {
        let mut text = String::new();
        drop(
            File::open(self.folder.join("log")).and_then(|mut file| file.read_to_string(&mut text)),
        );
        text
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Runs one of PostgreSQL's programs with that folder, as the server's own user.
    pub fn run(&self, program: &str, arguments: &[&str]) {
        let output = as_nobody(self.programs.join(program))
            .args(arguments)
            .arg(self.data())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {said}");
    }

    /// A database without tables; gives the ledger's address in it.
    pub fn empty(&self) -> String {
        self.copy("template0")
    }

    /// The same, with a key of its own in a file of this folder.
    pub fn keyed(&self, folder: &Path) -> String {
        let key = folder.join("ledger.key");
        fs::write(&key, hex::encode(rand::random::<[u8; 32]>())).unwrap();
        format!("{}?key=file:{}", self.empty(), key.display())
    }

    /// A copy of a database that nobody uses; gives the ledger's address in it.
    pub fn copy(&self, template: &str) -> String {
        let name = format!("ledger_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql(
            "postgres",
            &format!("CREATE DATABASE {name} TEMPLATE {template}"),
        );
        self.url(&name)
    }

    /// A ledger's address in a database, by the network.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as the owner of all; gives what it prints.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let port = self.port.to_string();
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1"])
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                USER,
                "-d",
                database,
                "-c",
                sql,
            ])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// The newest version of Debian's, or the one that `pg_config` knows.
fn programs() -> PathBuf {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .map(|entry| entry.path())
        .filter(|path| path.join("bin/postgres").exists())
        .max_by_key(|path| version(path));
    if let Some(newest) = newest {
        return newest.join("bin");
    }
    let said = Command::new("pg_config").arg("--bindir").output();
    let said = said.expect("PostgreSQL is needed: apt-get install postgresql");
    PathBuf::from(String::from_utf8(said.stdout).unwrap().trim())
}

/// PostgreSQL does not run as root.
pub fn as_nobody(program: impl AsRef<std::ffi::OsStr>) -> Command {
    if !rustix::process::getuid().is_root() {
        return Command::new(program);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let has = users.lines().any(|line| line.starts_with("postgres:"));
    let user = if has { "postgres" } else { "nobody" };
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", user, "--regid"])
        .arg(if has { "postgres" } else { "nogroup" })
        .args(["--clear-groups", "--"])
        .arg(program)
        .current_dir("/");
    command
}

pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
