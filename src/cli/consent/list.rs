//! `consent list`: the links that people have to open.

use serde::Serialize;
use url::Url;

use super::{Output, args, name, pending};
use crate::cli::only::say_nothing_matches;
use crate::cli::open::readable;
use crate::cli::output::local_times;
use crate::failure::{Ending, Failure};
use crate::ledger::Pending;
use crate::manifest::formula_escaped;
use crate::model::State;
use crate::okta::authorize;
use crate::report::rfc3339;
use crate::selection::Ended;
use crate::settings::Settings;
use crate::text::Syntax;
use args::ListFormat;

/// One consent of `consent list --format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    org: &'a str,
    app: &'static str,
    app_id: Option<&'a str>,
    label: Option<&'a str>,
    authorize_url: &'a str,
    host: String,
    host_known: bool,
    since: String,
}

/// `consent list`.
pub(in crate::cli) async fn list(
    args: &args::ConsentList,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let ledger = readable(settings, output).await?;
    let selection = args.only.selection();
    let mut pending = pending(&ledger, args.run.as_deref()).await?;
    let waits = !pending.is_empty();
    pending.retain(|pending| {
        selection.takes_state(State::Waiting, Ended::Changed)
            && selection.takes_entry(&pending.org.name, pending.entry.entry.app)
    });
    // A ledger may be older than the look at links, or not only ours.
    pending.retain(|pending| may_be_shown(pending, output));
    warn_of_doubt(&pending, output);
    let listed: Vec<Listed<'_>> = pending.iter().filter_map(listed).collect();
    match args.format {
        ListFormat::Json => output.data(Syntax::Json, |out| {
            serde_json::to_writer_pretty(&mut *out, &listed)?;
            Ok(writeln!(out)?)
        })?,
        ListFormat::Csv => output.data(Syntax::Lines, |out| write_csv(out, &listed))?,
        ListFormat::Human if listed.is_empty() && waits => say_nothing_matches(&selection, output),
        ListFormat::Human if listed.is_empty() => output.note("nothing waits for consent"),
        ListFormat::Human => {
            // First: beside another program's output of the links it would stand in the middle of one.
            output.note(
                "open each link, then hand in what Okta's page shows: okta-rollout consent complete",
            );
            output.page(|page| {
                for (pending, listed) in pending.iter().zip(&listed) {
                    let label = listed.label.map(|label| format!(" {label:?}"));
                    let label = label.unwrap_or_default();
                    let id = listed.app_id.map(|id| format!(" {id}")).unwrap_or_default();
                    let name = name(pending);
                    let host = if listed.host_known {
                        String::new()
                    } else {
                        format!(", leads to {}", listed.host)
                    };
                    let since = local_times(&listed.since);
                    let left = asked_before(&pending.entry.progress.left_secrets);
                    page.line(format_args!("{name}{label}{id}, since {since}{host}{left}"))?;
                    page.line(format_args!("  {}", listed.authorize_url))?;
                }
                Ok(())
            })?;
        }
    }
    Ok(Ending::Success)
}

/// As far as a run has seen it: nothing is read here.
fn asked_before(changed: &[String]) -> String {
    let fields = changed.iter().filter_map(|field| field.rsplit('.').next());
    let fields: Vec<_> = fields.collect();
    if fields.is_empty() {
        return String::new();
    }
    format!(", asked for before {} changed", fields.join(" and "))
}

fn may_be_shown(pending: &Pending, output: Output) -> bool {
    let Some(consent) = &pending.entry.progress.consent else {
        return false;
    };
    let Err(bad) = authorize::state_of(&consent.authorize_url) else {
        return true;
    };
    let name = name(pending);
    output.warning(format_args!(
        "{name}: its link is not shown, because nobody should open it: {bad}"
    ));
    output.hint("get fresh links: okta-rollout consent refresh");
    false
}

/// Links are looked at when their run continues, and this command sends nothing.
fn warn_of_doubt(pending: &[Pending], output: Output) {
    let in_doubt = |pending: &&Pending| pending.entry.progress.link_in_doubt;
    for pending in pending.iter().filter(in_doubt) {
        output.warning(format_args!(
            "{}: its link may not be the newest: a call that was under way when its process ended may have arrived later",
            name(pending)
        ));
        output.hint(format_args!(
            "look at it before it is opened: okta-rollout resume {}",
            pending.run.0
        ));
    }
}

fn listed(pending: &Pending) -> Option<Listed<'_>> {
    let row = &pending.entry;
    let consent = row.progress.consent.as_ref()?;
    let host = Url::parse(&consent.authorize_url).ok();
    let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
    Some(Listed {
        org: &pending.org.name,
        app: row.entry.app.name(),
        app_id: row
            .progress
            .app_id
            .as_deref()
            .or(row.entry.app_id.as_deref()),
        label: row.entry.label.as_deref(),
        authorize_url: &consent.authorize_url,
        host: host.to_owned(),
        host_known: row.entry.app.asks_at(host),
        since: rfc3339(consent.since),
    })
}

fn write_csv(out: &mut dyn std::io::Write, listed: &[Listed<'_>]) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "org",
        "app",
        "appId",
        "label",
        "authorizeUrl",
        "host",
        "hostKnown",
        "since",
    ])?;
    for consent in listed {
        csv.write_record([
            &*formula_escaped(consent.org),
            consent.app,
            &formula_escaped(consent.app_id.unwrap_or_default()),
            &formula_escaped(consent.label.unwrap_or_default()),
            consent.authorize_url,
            &consent.host,
            if consent.host_known { "true" } else { "false" },
            &consent.since,
        ])?;
    }
    Ok(csv.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_since_a_link_was_asked_for_is_named_briefly() {
        let fields = ["connection.profile.settings.adminUsername", "adminPassword"];
        for (changed, told) in [
            (&fields[..0], ""),
            (&fields[1..], ", asked for before adminPassword changed"),
            (
                &fields,
                ", asked for before adminUsername and adminPassword changed",
            ),
        ] {
            let changed: Vec<_> = changed.iter().map(|field| (*field).to_owned()).collect();
            assert_eq!(asked_before(&changed), told);
        }
    }
}
