//! Manifests written into a folder and checked.

use std::path::Path;

use okta_rollout::manifest::{
    CheckOptions, Checked, Located, ManifestError, SecretCheck, Source, check,
};
use tempfile::TempDir;

/// The org of most checks.
pub const ORGS: &str = "org,url,auth.apiToken\nacme,https://acme.okta.com,env:NOT_SET_HERE\n";

/// What a check said, as text, and the entries it let through.
pub struct Said {
    pub problems: Vec<String>,
    pub entries: Vec<Located>,
    pub checked: Checked,
}

/// Checks the first of these files, with the one that is named `orgs.…`.
pub fn check_files(files: &[(&str, &[u8])], options: CheckOptions) -> Result<Said, ManifestError> {
    let folder = TempDir::new().expect("folder");
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).expect("write");
    }
    let orgs_file = files.iter().find(|(name, _)| name.starts_with("orgs."));
    let source = Source {
        file: folder.path().join(files[0].0),
        orgs_file: orgs_file.map(|(name, _)| folder.path().join(name)),
    };
    let mut entries = Vec::new();
    let checked = check(&source, &options, &mut |located| entries.push(located))?;
    assert_eq!(checked.entries, entries.len() as u64);
    let problems = checked
        .problems
        .iter()
        .map(|problem| {
            let mut problem = problem.clone();
            problem.file = name_of(&problem.file);
            match &problem.hint {
                Some(hint) => format!("{problem} | {hint}"),
                None => problem.to_string(),
            }
        })
        .map(|text| text.replace(&folder.path().display().to_string(), "DIR"))
        .collect();
    Ok(Said {
        problems,
        entries,
        checked,
    })
}

fn name_of(path: &str) -> String {
    let name = Path::new(path).file_name().expect("a name");
    name.to_string_lossy().into_owned()
}

pub const NO_SECRETS: CheckOptions = CheckOptions {
    exec: okta_rollout::manifest::ExecPolicy::Refuse,
    secrets: SecretCheck::Skip,
};
