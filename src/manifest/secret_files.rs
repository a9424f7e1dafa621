//! The files that the secrets of a manifest and its orgs come from: what is read or run besides the manifest itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::check::{CheckOptions, Located, SecretCheck, Source, check};
use super::connection::Connection;
use super::entry::Entry;
use super::input::folder;
use super::orgs::Orgs;
use super::program::find;
use super::secret::{Kind, SecretRef};
use super::secrets::ExecPolicy;

/// Every file that a secret is read from, as far as manifest and orgs can be read.
pub fn secret_files(source: &Source) -> BTreeSet<PathBuf> {
    let options = CheckOptions {
        secrets: SecretCheck::Skip,
        exec: ExecPolicy::Allow,
    };
    let base = folder(&source.file);
    let mut files = BTreeSet::new();
    if source.passes() {
        // What a look takes out of a pipe is gone.
        return files;
    }
    let mut take = |Located { entry, .. }: Located| files.extend(of_entry(&entry, base));
    if let Ok(checked) = check(source, &options, &mut take) {
        files.extend(of_orgs(&checked.orgs));
    }
    files
}

/// Every file that a credential of these orgs is read from.
pub fn credential_files(orgs: &Orgs) -> BTreeSet<PathBuf> {
    of_orgs(orgs).collect()
}

fn of_orgs(orgs: &Orgs) -> impl Iterator<Item = PathBuf> {
    orgs.iter()
        .filter_map(|(name, spec)| Some((orgs.base(name), spec.credentials()?)))
        .flat_map(|(base, reference)| files(reference, base))
}

fn of_entry(entry: &Entry, base: &Path) -> impl Iterator<Item = PathBuf> {
    let references = entry.connection.iter().flat_map(Connection::secrets);
    references.flat_map(|reference| files(&reference, base))
}

/// The file of a `file:`; the program of an `exec:`, and every file among its arguments, which may be its script.
fn files(reference: &SecretRef, base: &Path) -> Vec<PathBuf> {
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
