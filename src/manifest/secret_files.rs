//! The files that the secrets of a manifest and its orgs come from: what is read or run besides the manifest itself.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, BufReader, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;

use super::check::{CheckOptions, Located, SecretCheck, Source, check, find_orgs};
use super::connection::Connection;
use super::dialect;
use super::entry::Entry;
use super::fields::ENTRY;
use super::input::{Format, folder, format};
use super::orgs::Orgs;
use super::program::find;
use super::records::Next;
use super::secret::{Kind, SecretRef};
use super::secrets::ExecPolicy;
use crate::input;
use crate::text::unseen::trimmed;

/// Bytes looked at in one go.
const CHUNK: usize = 256 * 1024;

/// Every file that a secret is read from, as far as manifest and orgs can be read.
pub fn secret_files(source: &Source) -> BTreeSet<PathBuf> {
    let base = folder(&source.file);
    if source.passes() {
        // What a look takes out of a pipe is gone.
        return BTreeSet::new();
    }
    let may_name_files = may_name_files(&source.file);
    let is_csv = matches!(format(&source.file), Ok(Format::Csv));
    if may_name_files && !is_csv {
        return of_checked(source, base);
    }
    let mut cells = HashSet::new();
    if may_name_files {
        // What stops it from being read on is told by whoever checks it.
        drop(of_cells(&source.file, &mut cells));
    }
    let references = cells.iter().filter_map(|cell| SecretRef::parse(cell).ok());
    let of_cells = references.flat_map(|reference| files_of(&reference, base));
    // Of the orgs that can be read, whatever is wrong with others.
    let found = find_orgs(source);
    let of_orgs = found.iter().flat_map(|(orgs, _)| of_orgs(orgs));
    of_cells.chain(of_orgs).collect()
}

/// As a check finds them.
fn of_checked(source: &Source, base: &Path) -> BTreeSet<PathBuf> {
    let options = CheckOptions {
        secrets: SecretCheck::Skip,
        exec: ExecPolicy::Allow,
    };
    let mut files = BTreeSet::new();
    let mut take = |Located { entry, .. }: Located| files.extend(of_entry(&entry, base));
    if let Ok(checked) = check(source, &options, &mut take) {
        files.extend(of_orgs(&checked.orgs));
    }
    files
}

/// The references to files and programs among the cells of a CSV file, each once, whatever they stand under: a million
/// rows are looked through in a fraction of the time that checking them takes.
fn of_cells(manifest: &Path, found: &mut HashSet<String>) -> io::Result<()> {
    let input = BufReader::with_capacity(CHUNK, input::open(manifest)?);
    let Ok(mut records) = dialect::records(input, ENTRY)? else {
        return Ok(());
    };
    loop {
        match records.advance()? {
            Next::Record => {}
            Next::TooLong(_) => continue,
            Next::Unclosed | Next::End => return Ok(()),
        }
        let Ok(text) = records.text() else { continue };
        for number in 0..records.cells {
            let cell = trimmed(records.cell(text, number));
            let is_one = cell.starts_with("file:") || cell.starts_with("exec:");
            if is_one && !found.contains(cell) {
                found.insert(cell.to_owned());
            }
        }
    }
}

/// Whether a manifest may hold a `file:` or an `exec:`: to look for these bytes takes a fiftieth of the time that reading
/// a million rows does. A file that cannot be read, or in which they may be spelled otherwise, may.
fn may_name_files(manifest: &Path) -> bool {
    /// The schemes; JSON's escapes; the second bytes of UTF-16.
    const SIGNS: [&[u8]; 4] = [b"file:", b"exec:", b"\\u", b"\0"];
    const OVERLAP: usize = 4;
    let finders = SIGNS.map(Finder::new);
    let Ok(mut file) = input::open(manifest) else {
        return true;
    };
    let mut bytes = vec![0; OVERLAP + CHUNK];
    // What was kept of the bytes before, in which a sign may begin.
    let mut kept = 0;
    loop {
        match file.read(&mut bytes[kept..]) {
            Ok(0) => return false,
            Ok(read) => {
                let end = kept + read;
                let has = |finder: &Finder<'_>| finder.find(&bytes[..end]).is_some();
                if finders.iter().any(has) {
                    return true;
                }
                kept = end.min(OVERLAP);
                bytes.copy_within(end - kept..end, 0);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return true,
        }
    }
}

/// Every file that a credential of these orgs is read from.
pub fn credential_files(orgs: &Orgs) -> BTreeSet<PathBuf> {
    of_orgs(orgs).collect()
}

fn of_orgs(orgs: &Orgs) -> impl Iterator<Item = PathBuf> {
    orgs.iter()
        .filter_map(|(name, spec)| Some((orgs.base(name), spec.credentials()?)))
        .flat_map(|(base, reference)| files_of(reference, base))
}

fn of_entry(entry: &Entry, base: &Path) -> impl Iterator<Item = PathBuf> {
    let references = entry.connection.iter().flat_map(Connection::secrets);
    references.flat_map(|reference| files_of(&reference, base))
}

/// The file of a `file:`; the program of an `exec:`, and every file among its arguments, which may be its script.
pub fn files_of(reference: &SecretRef, base: &Path) -> Vec<PathBuf> {
    match reference.kind() {
        Ok(Kind::File(path)) => vec![base.join(path)],
        Ok(Kind::Exec(words)) => {
            let program = words.first().and_then(|word| find(base, word).ok());
            let arguments = words.iter().skip(1).map(|word| base.join(word));
            let arguments = arguments.filter(|path| path.is_file());
            program.into_iter().chain(arguments).collect()
        }
        Ok(Kind::Env(_)) | Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_manifests_that_may_name_files_are_read_for_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let manifest = folder.path().join("m.csv");
        let padding = "x".repeat(256 * 1024);
        for (text, may) in [
            ("", false),
            ("org,token\nacme,env:TOKEN\n", false),
            ("org,token\nacme,file:t\n", true),
            ("org,token\nacme,exec:pass t\n", true),
            (r#"{"token":"f\u0069le:t"}"#, true),
            ("f\0i\0l\0e\0:\0t\0", true),
            (&format!("{padding}file:t"), true),
            (&format!("{}file:t", &padding[2..]), true),
            (&format!("{}env:t", &padding[2..]), false),
        ] {
            std::fs::write(&manifest, text).expect("written");
            let end = text.len().saturating_sub(30);
            assert_eq!(may_name_files(&manifest), may, "{}", &text[end..]);
        }
        assert!(may_name_files(folder.path()));
        assert!(may_name_files(&folder.path().join("missing")));
    }

    #[test]
    fn the_cells_of_a_csv_file_name_files_wherever_they_stand() {
        let folder = tempfile::tempdir().expect("a folder");
        let manifest = folder.path().join("m.csv");
        let text = "\u{feff}sep=;\norg;x;y\na; file:a ;exec:./b\nb;file:a;\"file:c;d\"\n\nc;profile:e;env:F\n";
        std::fs::write(&manifest, text).expect("written");
        let mut found = HashSet::new();
        of_cells(&manifest, &mut found).expect("read");
        assert_eq!(
            found,
            HashSet::from(["file:a", "exec:./b", "file:c;d"].map(str::to_owned))
        );
    }

    #[test]
    fn a_mistake_in_one_org_leaves_the_credentials_of_the_others_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let orgs = "org,url,auth.apiToken\nacme,https://acme.okta.com,file:acme.token\n\
            globex,no address,file:globex.token\n";
        std::fs::write(path("orgs.csv"), orgs).expect("written");
        for (app_token, files) in [
            ("env:TOKEN", &["acme.token"][..]),
            ("file:app.token", &["acme.token", "app.token"]),
        ] {
            let rows = format!(
                "org,app,appId,connection.profile.token\nacme,zscalerbyz,0oa1,{app_token}\n"
            );
            std::fs::write(path("m.csv"), rows).expect("written");
            let source = Source {
                file: path("m.csv"),
                orgs_file: Some(path("orgs.csv")),
            };
            let found = secret_files(&source);
            for file in files {
                assert!(found.contains(&path(file)), "{file}: {found:?}");
            }
        }
    }
}
