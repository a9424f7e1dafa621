//! Where the password of a ledger is: where its address says, in `PGPASSWORD`, or in `~/.pgpass`
//! (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use crate::input;
use crate::job::{PostgresHost, PostgresUrl};
use crate::manifest::{ExecPolicy, SecretRef, SecretUse, Secrets};

/// The largest `~/.pgpass` that is read, in bytes.
const MOST: u64 = 1024 * 1024;

/// The password for a host, if there is one.
pub(super) async fn find(
    url: &PostgresUrl,
    host: &PostgresHost,
) -> Result<Option<SecretString>, String> {
    let secrets = Secrets::new(&url.folder, ExecPolicy::Refuse);
    let resolve = async |reference: &SecretRef| {
        let found = secrets.resolve(reference, SecretUse::Password).await;
        found.map(Some).map_err(|error| error.to_string())
    };
    if let Some(reference) = &url.password {
        return resolve(reference).await;
    }
    if let Ok(variable) = SecretRef::parse("env:PGPASSWORD")
        && secrets.probe(&variable, SecretUse::Password).is_ok()
    {
        return resolve(&variable).await;
    }
    let Some(home) = std::env::home_dir() else {
        return Ok(None);
    };
    Ok(read(&home.join(".pgpass")).and_then(|text| of_pgpass(&text, url, host)))
}

/// One that others can read is passed over, as PostgreSQL's own programs do.
fn read(file: &Path) -> Option<SecretString> {
    if crate::manifest::is_open_to_others(file) {
        return None;
    }
    let bytes = input::read(file, MOST).ok()?;
    String::from_utf8(bytes).ok().map(SecretString::from)
}

fn of_pgpass(text: &SecretString, url: &PostgresUrl, host: &PostgresHost) -> Option<SecretString> {
    let (name, port) = match host {
        PostgresHost::Tcp { name, port } => (name.clone(), port),
        PostgresHost::Socket { port, .. } => ("localhost".to_owned(), port),
    };
    let wanted = [&name, &port.to_string(), &url.database, &url.user];
    let lines = text.expose_secret().lines();
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.map(fields).find_map(|fields| {
        let [of_place @ .., password] = fields.as_slice() else {
            return None;
        };
        let mut pairs = of_place.iter().zip(wanted);
        let is_it = of_place.len() == wanted.len()
            && pairs.all(|(given, wanted)| given == "*" || given == wanted);
        is_it.then(|| SecretString::from(password.clone()))
    })
}

/// Split at colons; a backslash takes what follows as it is. The last of five may hold colons.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let ends = letter == ':' && fields.len() < 5;
        if ends {
            fields.push(String::new());
        } else if let Some(field) = fields.last_mut() {
            field.extend(match letter {
                '\\' => letters.next(),
                other => Some(other),
            });
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::LedgerUrl;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let text = "# me:me\ndb:5432:x:you:no\n*:*:y:me:y\\:z\ndb:*:*:me:a:b\n*:*:*:*:last\n";
        for (url, password) in [
            ("postgres://me@db/x", "a:b"),
            ("postgres://me@db/y", "y:z"),
            ("postgres://them@db/x", "last"),
            ("postgres://you@db/x", "no"),
        ] {
            let Ok(LedgerUrl::Postgres(url)) = url.parse() else {
                panic!("{url}");
            };
            let found = of_pgpass(&text.to_owned().into(), &url, &url.hosts[0]);
            let found = found.expect("a line fits");
            assert_eq!(found.expose_secret(), password);
        }
    }
}
