//! `consent share`: a link to the desk for somebody who is to see one org's consents, and nothing else.

use url::Url;

use crate::cli::args;
use crate::cli::open::existing;
use crate::cli::output::{Output, local_times};
use crate::desk::share::Share;
use crate::failure::{Ending, Failure};
use crate::ledger::{Ledger, OrgRow};
use crate::nearest::did_you_mean;
use crate::pacing::unix_millis;
use crate::report::rfc3339;
use crate::settings::Settings;

/// `consent share`.
pub(in crate::cli) async fn share(
    args: &args::ConsentShare,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    if args.expires.is_zero() {
        let error = anyhow::anyhow!("--expires 0: a link has to be good for a while");
        return Err(Failure::usage(error).hint("give a time such as --expires 7d"));
    }
    let ledger = existing(settings).await?;
    let org = org(&ledger, &args.org).await?;
    if args.revoke {
        ledger.take_back_shares(&org.url).await?;
        output.note(format_args!(
            "every link for {} that was made so far is revoked",
            org.name
        ));
        return Ok(Ending::Success);
    }
    let base = base(args, &ledger).await?;
    let share = Share::new(&ledger, org.url, (unix_millis(), args.expires)).await?;
    let path = share.path(&ledger).await?;
    output.page(|page| page.line(format_args!("{base}{path}")))?;
    let line = format!(
        "whoever has this link sees the consents of {} and hands them in, until {}",
        org.name,
        rfc3339(share.ends)
    );
    output.note(local_times(&line));
    Ok(Ending::Success)
}

/// The org of this name in the newest run that has it.
async fn org(ledger: &Ledger, name: &str) -> Result<OrgRow, Failure> {
    let mut names = Vec::new();
    for run in ledger.runs().await? {
        for org in ledger.orgs(&run.id).await? {
            if org.name == name {
                return Ok(org);
            }
            if !names.contains(&org.name) {
                names.push(org.name);
            }
        }
    }
    let error = anyhow::anyhow!("no run has an org called {name:?}");
    let near = did_you_mean(name, names.iter().map(String::as_str));
    Err(Failure::usage(error).hint(
        near.unwrap_or_else(|| "see the orgs of the newest run: okta-rollout status".to_owned()),
    ))
}

/// Where the desk is.
async fn base(args: &args::ConsentShare, ledger: &Ledger) -> Result<String, Failure> {
    let hint =
        "start one: okta-rollout serve; or say where it will be: --url https://desk.example.com";
    let Some(url) = &args.url else {
        return ledger.desk().await?.ok_or_else(|| {
            let error =
                anyhow::anyhow!("no desk works on this ledger, so that a link leads nowhere");
            Failure::usage(error).hint(hint)
        });
    };
    let parsed = Url::parse(url).ok();
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let url = parsed.filter(is_web).ok_or_else(|| {
        let error = anyhow::anyhow!("--url {url}: this is no address of a desk");
        Failure::usage(error).hint("give one such as --url https://desk.example.com")
    })?;
    Ok(url.origin().ascii_serialization())
}
