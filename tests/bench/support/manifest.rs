//! Files of a rollout as large as wanted, in a folder that is deleted with it: a manifest like the README's first
//! one, the orgs in turn (the order in which a ledger finds an org's entries farthest apart), and their list.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use tempfile::TempDir;

/// The folder with the files of one rollout.
pub struct Rollout {
    folder: TempDir,
}

/// Arguments that name the list of orgs.
pub const WITH_ORGS: [&str; 2] = ["--orgs", "orgs.csv"];

impl Rollout {
    /// Writes the files; all orgs are on this port of this machine.
    pub fn write(entries: usize, orgs: usize, port: u16) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        for secret in ["app-token", "api-token"] {
            std::fs::write(folder.path().join(secret), "secret")?;
        }
        let mut list = BufWriter::new(File::create(folder.path().join("orgs.csv"))?);
        writeln!(list, "org,url,auth.apiToken")?;
        for org in 0..orgs {
            writeln!(
                list,
                "org-{org},http://org-{org}.localhost:{port},file:api-token"
            )?;
        }
        list.flush()?;
        let mut manifest = BufWriter::new(File::create(folder.path().join("rollout.csv"))?);
        writeln!(
            manifest,
            "org,app,appId,label,connection.baseUrl,connection.profile.authScheme,connection.profile.token,\
             features.USER_PROVISIONING.create.lifecycleCreate.status"
        )?;
        for entry in 0..entries {
            writeln!(
                manifest,
                "org-{},zscalerbyz,0oa{entry:017},,https://scim.zscalerbeta.net/1/{entry}/scim,TOKEN,\
                 file:app-token,ENABLED",
                entry % orgs
            )?;
        }
        manifest.flush()?;
        Ok(Self { folder })
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
