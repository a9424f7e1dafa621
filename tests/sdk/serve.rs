//! A sandbox with one org and one app of each kind, for the SDK scripts beside this file: prints its
//! URL and token on one line and serves until its standard input ends.

use std::io::{Read as _, Write as _};

use okta_rollout::sandbox::{Sandbox, SandboxSettings};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = SandboxSettings {
        orgs: 1,
        apps: 6,
        limit: 0,
        ..SandboxSettings::default()
    };
    let sandbox = Sandbox::start(settings, None, None).await?;
    let token = sandbox.api_token("org-0001");
    let mut out = std::io::stdout();
    writeln!(out, "http://{} {token}", sandbox.address())?;
    out.flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    sandbox.stop().await;
    Ok(())
}
