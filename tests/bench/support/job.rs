//! A job over all apps of a fleet, as files.

use serde_json::json;
use tempfile::TempDir;

use super::fleet::{BASE_URL, Fleet, app_id, capabilities, org_name};

/// A folder with `job.toml`, which ends with `rest`, its manifest and secrets; `token` is what each org is called with.
pub fn write(
    fleet: &Fleet,
    token: impl Fn(usize) -> String,
    rest: &str,
) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
    let (mut orgs, mut apps) = (serde_json::Map::new(), Vec::new());
    for (at, count) in fleet.apps.iter().enumerate() {
        let org = org_name(at);
        write(&org, &token(at))?;
        let auth = json!({ "apiToken": format!("file:{org}") });
        orgs.insert(org.clone(), json!({ "url": fleet.url(&org), "auth": auth }));
        for app in 0..*count {
            apps.push(json!({
                "org": org, "app": "zscalerbyz", "appId": app_id(at, app),
                "connection": { "baseUrl": BASE_URL, "profile": { "authScheme": "TOKEN", "token": "file:token" } },
                "features": { "USER_PROVISIONING": capabilities() } }));
        }
    }
    write("token", "secret")?;
    write("m.json", &json!({ "orgs": orgs, "apps": apps }).to_string())?;
    write("job.toml", &format!("manifest = 'm.json'\n{rest}"))?;
    Ok(folder)
}
