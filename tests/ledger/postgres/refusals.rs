//! Servers that a ledger cannot be kept on, and those who are not let in: what they are told.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::process::{Child, Command, Stdio};

use okta_rollout::job::LedgerUrl;
use okta_rollout::ledger::{Ledger, LedgerError, OpenMode};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::postgres_server::{STRANGER, Server, USER, as_nobody, free_port, server};

async fn open(url: &str) -> Result<Ledger, LedgerError> {
    let url: LedgerUrl = url.parse().unwrap();
    Ledger::open(&url, OpenMode::ReadWrite).await
}

/// It is not opened; what is said has both.
async fn refused(url: &str, says: &str, hints: &str) {
    let error = open(url).await.unwrap_err();
    let (said, hint) = (error.to_string(), error.hint());
    assert!(
        said.contains(says) && hint.contains(hints),
        "{said}\n{hint}"
    );
    assert!(!said.contains("hunter2") && !hint.contains("hunter2"));
}

async fn database() -> (String, String) {
    let url = tokio::task::spawn_blocking(|| server().empty())
        .await
        .unwrap();
    let name = url.rsplit('/').next().unwrap().to_owned();
    (url, name)
}

/// As somebody else.
fn by(url: &str, role: &str) -> String {
    url.replace(&format!("{USER}@"), &format!("{role}@"))
}

#[tokio::test]
async fn one_that_takes_no_writes_is_refused() {
    let (url, name) = database().await;
    drop(open(&url).await.unwrap());
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    server().sql("postgres", &set);
    refused(
        &url,
        "it takes no writes",
        "name the server that takes writes",
    )
    .await;
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let (url, name) = database().await;
    server().sql(
        "postgres",
        &format!("CREATE ROLE {STRANGER} LOGIN PASSWORD 'right'; CREATE ROLE few LOGIN CONNECTION LIMIT 0; CREATE ROLE guest LOGIN"),
    );
    let folder = tempfile::tempdir().unwrap();
    let with = |password: &str| {
        let file = folder.path().join("password");
        std::fs::write(&file, password).unwrap();
        format!("{}?password=file:{}", by(&url, STRANGER), file.display())
    };
    let hint = "check user and password";
    refused(&with("hunter2"), "password authentication failed", hint).await;
    // Let in, and allowed nothing.
    refused(&with("right"), "may not make them", "ledger grants").await;
    refused(&by(&url, "guest"), "may not make them", "ledger grants").await;
    refused(&by(&url, "few"), "too many connections", "max_connections").await;
    refused(&by(&url, "nobody_of_this_name"), "does not exist", hint).await;
    let elsewhere = url.replace(&name, "no_such_database");
    refused(&elsewhere, "does not exist", "createdb").await;
}

/// A company's own CA, as a file, and its issuer.
struct Ca {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = ca.self_signed(&key).unwrap().pem();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
        let issuer = Issuer::new(ca, key);
        Self { folder, issuer }
    }

    /// Has the server show that it is this host.
    fn certify(&self, server: &Server, host: &str) {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &self.issuer).unwrap();
        give(server, "server.crt", &leaf.pem());
        give(server, "server.key", &key.serialize_pem());
        server.sql("postgres", "ALTER SYSTEM SET ssl = on");
        server.sql("postgres", "SELECT pg_reload_conf()");
        while server.sql("postgres", "SHOW ssl") != "on" {
            std::thread::yield_now();
        }
    }

    fn trusted(&self, url: &str) -> String {
        let file = self.folder.path().join("ca.pem");
        format!("{url}?sslmode=verify-full&sslrootcert={}", file.display())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_known_by_its_certificate_or_not_spoken_to() {
    let (url, _) = database().await;
    let (ca, another) = (Ca::new(), Ca::new());
    let by_name = url.replace("@127.0.0.1", "@localhost");
    let hint = "check the address, the certificate";
    refused(&ca.trusted(&by_name), "does not support TLS", hint).await;
    ca.certify(server(), "localhost");
    drop(open(&ca.trusted(&by_name)).await.unwrap());
    refused(&ca.trusted(&url), "not valid for name", hint).await;
    refused(&another.trusted(&by_name), "invalid peer certificate", hint).await;
}

/// Puts a file where the server, and nobody else, can read it.
fn give(server: &Server, name: &str, text: &str) {
    let path = server.data().join(name);
    std::fs::write(&path, text).unwrap();
    let of = std::fs::metadata(server.data()).unwrap();
    chown(&path, Some(of.uid()), Some(of.gid())).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

/// A pooler before the server of the tests.
struct Pooler {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Pooler {
    fn start(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Whoever it runs as has to get in.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let (port, behind) = (free_port(), server().port());
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = user={USER} host=127.0.0.1 port={behind}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n"
        );
        std::fs::write(&settings, text).unwrap();
        let program =
            Some("/usr/sbin/pgbouncer").filter(|path| std::path::Path::new(path).exists());
        let program = as_nobody(program.expect("apt-get install pgbouncer"));
        let process = Command::new(program.get_program())
            .args(program.get_args())
            .arg(&settings)
            .current_dir("/")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Self {
            process,
            port,
            _folder: folder,
        }
    }

    fn before(&self, url: &str) -> String {
        let port = |port: u16| format!(":{port}/");
        url.replace(&port(server().port()), &port(self.port))
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_shares_sessions_is_refused_and_one_that_does_not_is_good() {
    let (url, _) = database().await;
    drop(open(&url).await.unwrap());
    let session = Pooler::start("session");
    drop(open(&session.before(&url)).await.unwrap());
    let transaction = Pooler::start("transaction");
    let set = "set the pooler to session mode";
    refused(
        &transaction.before(&url),
        "gives one session to several",
        set,
    )
    .await;
}
