//! The address of a ledger on PostgreSQL: `postgres://USER@HOST/DB`. It holds no secret: a password in clear is refused.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::ledger_url_error::LedgerUrlError as Error;
use crate::manifest::SecretRef;

/// Where PostgreSQL listens when nothing is said.
const PORT: u16 = 5432;

/// Where its sockets are when nothing is said.
const SOCKETS: &str = "/var/run/postgresql";

/// A ledger on PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PostgresUrl {
    /// As given, without its scheme: there is no secret in it.
    shown: String,
    /// Who connects.
    pub user: String,
    /// Where PostgreSQL is; with several, the first that takes writes.
    pub hosts: Vec<PostgresHost>,
    /// The database.
    pub database: String,
    /// Where the password is; `None` = in `PGPASSWORD` or `~/.pgpass`, if one is needed.
    pub password: Option<SecretRef>,
    /// Where the key of the fingerprints is; `None` = in `OKTA_ROLLOUT_LEDGER_KEY`.
    pub key: Option<SecretRef>,
    /// Whether `sslmode` says that there is to be TLS, or not; `None` = where it leaves the machine.
    pub tls: Option<bool>,
    /// Certificates that the server's is signed by, in place of the system's.
    pub root_certificate: Option<PathBuf>,
    /// What PostgreSQL's lists call the program.
    pub application_name: Option<String>,
    /// What paths of references are relative to.
    pub folder: PathBuf,
}

/// A place where PostgreSQL is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PostgresHost {
    /// By network.
    Tcp {
        /// Name or address.
        name: String,
        /// Port.
        port: u16,
    },
    /// A folder of sockets on this machine.
    Socket {
        /// The folder.
        folder: PathBuf,
        /// The port that the socket is named after.
        port: u16,
    },
}

impl PostgresHost {
    /// Whether nobody else can listen in: nothing leaves the machine.
    pub fn is_here(&self) -> bool {
        match self {
            Self::Socket { .. } => true,
            Self::Tcp { name, .. } => {
                let is_loopback = |ip: IpAddr| ip.is_loopback();
                name == "localhost" || name.parse().is_ok_and(is_loopback)
            }
        }
    }

    fn new(host: &str, port: u16) -> Self {
        if host.starts_with('/') {
            let folder = PathBuf::from(host);
            return Self::Socket { folder, port };
        }
        let name = host.to_owned();
        Self::Tcp { name, port }
    }
}

impl PostgresUrl {
    /// Reads what follows the scheme and its `//`.
    pub(super) fn parse(rest: &str) -> Result<Self, Error> {
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (user, hosts),
            None => ("", authority),
        };
        if user.contains(':') {
            return Err(Error::Password);
        }
        let mut url = Self {
            shown: rest.to_owned(),
            user: decoded(user)?,
            hosts: Vec::new(),
            database: decoded(database)?,
            password: None,
            key: None,
            tls: None,
            root_certificate: None,
            application_name: None,
            folder: PathBuf::new(),
        };
        let (mut host, mut port) = (None, PORT);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value)?;
            match name {
                "host" => host = Some(value),
                "port" => port = value.parse().map_err(|_| Error::Malformed("its port"))?,
                name => url.set(name, value)?,
            }
        }
        url.hosts = match host {
            Some(host) => vec![PostgresHost::new(&host, port)],
            None if hosts.is_empty() => vec![PostgresHost::new(SOCKETS, port)],
            None => hosts
                .split(',')
                .map(|host| host_and_port(host, port))
                .collect::<Result<_, _>>()?,
        };
        url.checked()
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Error> {
        let reference = |value: &str, refused| match SecretRef::parse(value) {
            Ok(reference) if !reference.is_program() => Ok(Some(reference)),
            _ => Err(refused),
        };
        match name {
            "password" => self.password = reference(&value, Error::Password)?,
            "key" => self.key = reference(&value, Error::Key)?,
            "user" => self.user = value,
            "dbname" => self.database = value,
            "application_name" => self.application_name = Some(value),
            "sslrootcert" if value == "system" => {}
            "sslrootcert" => self.root_certificate = Some(PathBuf::from(value)),
            "sslmode" => {
                self.tls = Some(match &*value {
                    "verify-full" => true,
                    "disable" => false,
                    _ => return Err(Error::TlsMode),
                });
            }
            // It is always looked for.
            "target_session_attrs" if value == "read-write" => {}
            other => return Err(Error::Parameter(other.to_owned())),
        }
        Ok(())
    }

    fn checked(mut self) -> Result<Self, Error> {
        if self.user.is_empty() {
            return Err(Error::Malformed("its user"));
        }
        if self.database.is_empty() {
            self.database.clone_from(&self.user);
        }
        let leaves = self.hosts.iter().any(|host| !host.is_here());
        if leaves && self.tls == Some(false) {
            return Err(Error::TlsMode);
        }
        Ok(self)
    }

    /// Whether what goes to a host is encrypted, and the host is known by its certificate.
    pub fn has_tls(&self, host: &PostgresHost) -> bool {
        match host {
            PostgresHost::Socket { .. } => false,
            PostgresHost::Tcp { .. } => self.tls.unwrap_or_else(|| !host.is_here()),
        }
    }

    /// How messages name it: host and database.
    pub fn location(&self) -> String {
        let shown = self.shown.split('?').next().unwrap_or_default();
        let place = shown.rsplit_once('@').map_or(shown, |(_, place)| place);
        match self.hosts.first() {
            Some(PostgresHost::Socket { folder, .. }) => {
                format!("postgres:{}/{}", folder.display(), self.database)
            }
            _ => format!("postgres://{}", place.trim_end_matches('/')),
        }
    }

    pub(super) fn in_folder(mut self, folder: &Path) -> Self {
        self.folder = folder.join(self.folder);
        self
    }
}

fn host_and_port(text: &str, otherwise: u16) -> Result<PostgresHost, Error> {
    let bad_port = |_| Error::Malformed("its port");
    // An IPv6 address is in brackets.
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(Error::Malformed("its host"))?;
            (host, port.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map_or(Ok(otherwise), str::parse).map_err(bad_port)?;
    let host = decoded(host)?;
    if host.is_empty() {
        return Err(Error::Malformed("its host"));
    }
    Ok(PostgresHost::new(&host, port))
}

fn decoded(text: &str) -> Result<String, Error> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| Error::Malformed("a % in it"))?;
    if decoded.chars().any(char::is_control) {
        return Err(Error::Malformed("a control character in it"));
    }
    Ok(decoded.into_owned())
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> PostgresUrl {
        PostgresUrl::parse(text).expect(text)
    }

    fn tcp(name: &str, port: u16) -> PostgresHost {
        let name = name.to_owned();
        PostgresHost::Tcp { name, port }
    }

    #[test]
    fn host_user_and_database_are_read() {
        let sockets = |folder: &str, port| PostgresHost::Socket {
            folder: PathBuf::from(folder),
            port,
        };
        for (text, hosts, database) in [
            ("me@db/x", vec![tcp("db", 5432)], "x"),
            ("me@db", vec![tcp("db", 5432)], "me"),
            ("me@[::1]:1/x", vec![tcp("::1", 1)], "x"),
            ("me@a:1,b/x", vec![tcp("a", 1), tcp("b", 5432)], "x"),
            ("me@/x", vec![sockets("/var/run/postgresql", 5432)], "x"),
            ("me@/x?host=/tmp/s&port=7", vec![sockets("/tmp/s", 7)], "x"),
            ("me@%2Ftmp%2Fs/x", vec![sockets("/tmp/s", 5432)], "x"),
        ] {
            let url = url(text);
            assert_eq!((url.user.as_str(), &url.hosts), ("me", &hosts), "{text}");
            assert_eq!(url.database, database, "{text}");
            assert_eq!(url.to_string(), format!("postgres://{text}"));
        }
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_or_refused() {
        for (text, has_tls) in [
            ("me@db/x", true),
            ("me@localhost/x", false),
            ("me@127.0.0.1/x", false),
            ("me@[::1]/x?sslmode=verify-full", true),
            ("me@/x", false),
        ] {
            let url = url(text);
            assert_eq!(url.has_tls(&url.hosts[0]), has_tls, "{text}");
        }
        for mode in ["disable", "allow", "prefer", "require", "verify-ca", "none"] {
            let text = format!("me@db/x?sslmode={mode}");
            assert_eq!(PostgresUrl::parse(&text), Err(Error::TlsMode), "{mode}");
        }
        // One that leaves it is enough.
        let both = PostgresUrl::parse("me@localhost,db/x?sslmode=disable");
        assert_eq!(both, Err(Error::TlsMode));
    }

    #[test]
    fn a_secret_in_clear_is_refused_and_not_repeated() {
        for text in [
            "me:hunter2@db/x",
            "me:hunter2@/x",
            "me@db/x?password=hunter2",
            "me@db/x?password=exec:hunter2",
            "me@db/x?key=hunter2",
            "me@db/x?sslkey=hunter2",
            "me@db:hunter2/x",
        ] {
            let error = PostgresUrl::parse(text).expect_err(text);
            let said = format!("{error} {}", error.hint());
            assert!(!said.contains("hunter2"), "{said}");
        }
        let url = url("me@db/x?password=env:PW&key=file:k");
        let text = |reference: &Option<SecretRef>| {
            let reference = reference.as_ref().expect("given");
            reference.as_str().to_owned()
        };
        assert_eq!(
            (text(&url.password), text(&url.key)),
            ("env:PW".into(), "file:k".into())
        );
        assert_eq!(url.location(), "postgres://db/x");
    }
}
