//! The files that the secrets of a manifest and its orgs are in: what is read besides the manifest itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::check::{CheckOptions, Located, SecretCheck, Source, check};
use super::entry::Entry;
use super::input::folder;
use super::orgs::Orgs;
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
    orgs.iter().filter_map(|(name, spec)| {
        let file = file(spec.credentials()?)?;
        Some(orgs.base(name).join(file))
    })
}

fn of_entry(entry: &Entry, base: &Path) -> impl Iterator<Item = PathBuf> {
    let profile = entry.connection.as_ref().map(|wanted| &wanted.profile);
    let token = profile.and_then(|profile| profile.token.clone());
    let settings = profile.and_then(|profile| profile.settings.as_ref());
    let password = settings.map(|settings| settings.admin_password.clone());
    // A plain name is no reference.
    let username = settings.and_then(|settings| SecretRef::parse(&settings.admin_username).ok());
    let references = [token, password, username].into_iter().flatten();
    references.filter_map(|reference| Some(base.join(file(&reference)?)))
}

fn file(reference: &SecretRef) -> Option<PathBuf> {
    match reference.kind() {
        Ok(Kind::File(path)) => Some(path.into()),
        Ok(Kind::Env(_) | Kind::Exec(_)) | Err(_) => None,
    }
}
