//! `export`: what orgs have now, as a manifest. Reads only, through clients that can do nothing else, and keeps no
//! ledger.

mod hubs;
mod orgs;
mod skeleton;
mod write;

use futures_util::future::join_all;

use super::args::{self, ExportFormat};
use super::file::{Guarded, can_be_written, clash, refuse_clash, refuse_stdout};
use super::listeners::Listeners;
use super::output::Output;
use super::signals::Signals;
use super::{log, progress};
use crate::apps::App;
use crate::engine::Engine;
use crate::export::{
    Exported, LiveApp, Naming, Org, Placeholders, Scope, Services, read_apps, records,
};
use crate::failure::{Ending, Failure, Kind};
use crate::model::EntryError;
use crate::report::counted;
use crate::settings::Settings;
use hubs::InHubs;
use orgs::{Source, Wanted, no_credentials, unread};
use write::{Contents, target_format};

/// `export`.
pub(super) async fn export(
    args: &args::Export,
    settings: &Settings,
    output: Output,
) -> Result<Ending, Failure> {
    let format = target_format(args)?;
    let source = Source::read(args, settings, output)?;
    let wanted = source.wanted(args)?;
    refuse_clashes(args, &source, settings)?;
    if let Some(file) = &args.output {
        // Not after hours of reading.
        can_be_written(file, "-o FILE")?;
    }
    let Read { found, in_hubs } = read(args, &source, &wanted, settings, output).await?;
    let missing = note_missing(&wanted, &found, output);
    for (hub, why) in in_hubs.iter().flat_map(|in_hubs| &in_hubs.missing) {
        note_unread(hub, why, output);
    }
    if missing == found.len() {
        return Err(nothing_read(args));
    }
    let mut contents = Contents::default();
    let mut placeholders = Placeholders::default();
    for (wanted, live) in wanted.iter().zip(found) {
        match live {
            Ok(apps) => {
                let origin = source.orgs.url(&wanted.name);
                let services = in_hubs.as_ref().map(|in_hubs| &in_hubs.services);
                let org = org(args, wanted, &origin, services);
                let exported = records(&org, &apps, &mut placeholders);
                tell(wanted, &apps, &exported, output);
                contents.add(&source, wanted, exported, args.output.as_deref());
            }
            Err(why) => contents.missing(wanted, &why.message),
        }
    }
    if format == ExportFormat::Csv {
        contents.fit_into_cells();
    }
    contents
        .warnings()
        .for_each(|warning| output.warning(warning));
    contents
        .write(args.output.as_deref(), format, output)
        .await?;
    let secrets = skeleton::write(args, contents.exported())?;
    contents.note_next(args, format, secrets, output);
    Ok(if contents.is_incomplete() {
        Ending::Short(Kind::Failed)
    } else {
        Ending::Success
    })
}

/// Refuses outputs that are inputs, or each other.
fn refuse_clashes(
    args: &args::Export,
    source: &Source,
    settings: &Settings,
) -> Result<(), Failure> {
    if args.output.is_none() {
        refuse_stdout(|| source.guarded(args, settings))?;
    }
    log::refuse(settings, |settings| source.guarded(args, settings))?;
    if args.output.is_none() && args.env_file.is_none() {
        return Ok(());
    }
    let guarded = source.guarded(args, settings)?;
    if let Some(file) = &args.env_file {
        skeleton::must_be_free(file)?;
        refuse_clash(file, &guarded, skeleton::GIVE)?;
        let env_file = [Guarded::input("the env file", file)];
        let output = args.output.as_deref();
        if output.is_some_and(|output| clash(output, &env_file).is_some()) {
            let error = anyhow::anyhow!("-o and --env-file are one file; nothing was sent");
            return Err(Failure::usage(error).hint(format!("give another one: {}", skeleton::GIVE)));
        }
    }
    match &args.output {
        Some(file) => refuse_clash(file, &guarded, "-o FILE"),
        None => Ok(()),
    }
}

fn org<'a>(
    args: &args::Export,
    wanted: &'a Wanted,
    origin: &'a str,
    services: Option<&'a Services>,
) -> Org<'a> {
    Org {
        name: &wanted.name,
        origin,
        services,
        naming: wanted
            .retargeted
            .as_deref()
            .map_or(Naming::Ids, Naming::Labels),
        scope: if args.all_supported {
            Scope::All
        } else {
            Scope::Enabled
        },
    }
}

/// The apps of an org, or why it could not be read.
type Found = Result<Vec<LiveApp>, EntryError>;

/// What was read.
struct Read {
    /// The orgs, in order.
    found: Vec<Found>,
    /// What of them is in hubs, if hubs were named.
    in_hubs: Option<InHubs>,
}

/// All orgs at once, then their hubs; each by itself waits for its budget.
async fn read(
    args: &args::Export,
    source: &Source,
    wanted: &[Wanted],
    settings: &Settings,
    output: Output,
) -> Result<Read, Failure> {
    let hubs = source.hubs(args)?;
    let mut names: Vec<_> = wanted.iter().map(|org| org.name.as_str()).collect();
    // One that is exported as well is asked through the same reader.
    let others = hubs.iter().filter(|hub| !names.contains(hub));
    let others: Vec<_> = others.copied().collect();
    names.extend(others);
    let apps: Vec<App> = App::ALL
        .into_iter()
        .filter(|app| args.app.is_empty() || args.app.iter().any(|name| name == app.name()))
        .collect();
    let engine = Engine::new();
    let events = engine.events();
    let readers = source.readers(&names, args.allow_exec, &engine).await?;
    let signals = Signals::listen(engine.cancellation().clone(), output)?;
    let show = |listener| progress::show(listener, None, settings.animation, output);
    let listeners = Listeners::begin(events, show, settings, output).await;
    let reading = async {
        let orgs = join_all(readers[..wanted.len()].iter().map(async |reader| {
            let reader = reader.as_ref().map_err(no_credentials)?;
            let read = read_apps(reader, &apps).await;
            read.map_err(|error| unread(reader, &error))
        }));
        let found = orgs.await;
        let opened = names.iter().copied().zip(&readers).collect();
        let in_hubs = hubs::look(&hubs, &opened, wanted, &found).await;
        Read { found, in_hubs }
    };
    let read = tokio::select! {
        read = reading => Some(read),
        // A read that is left behind changes nothing.
        () = engine.cancellation().cancelled() => None,
    };
    drop(readers);
    listeners.end().await;
    match (read, signals.received()) {
        (Some(read), None) => Ok(read),
        (_, signal) => Err(Failure {
            kind: signal.unwrap_or(Kind::Interrupted),
            error: anyhow::anyhow!("interrupted; nothing was written"),
            hint: None,
        }),
    }
}

fn note_missing(wanted: &[Wanted], found: &[Found], output: Output) -> usize {
    let mut missing = 0;
    for (Wanted { name, .. }, found) in wanted.iter().zip(found) {
        let Err(why) = found else { continue };
        missing += 1;
        note_unread(name, why, output);
    }
    missing
}

fn note_unread(org: &str, why: &EntryError, output: Output) {
    output.error(format_args!("org {org} cannot be read: {}", why.details));
    if let Some(hint) = &why.hint {
        output.hint(hint);
    }
}

fn nothing_read(args: &args::Export) -> Failure {
    let what = match &args.output {
        Some(file) => format!("{} was not written", file.display()),
        None => "nothing was written".to_owned(),
    };
    Failure {
        kind: Kind::Failed,
        error: anyhow::anyhow!("no org could be read; {what}"),
        hint: Some("mend the cause, then run the command again".to_owned()),
    }
}

fn tell(wanted: &Wanted, apps: &[LiveApp], exported: &[Exported], output: Output) {
    let entries = exported.iter().filter(|one| one.entry.is_some()).count();
    let mut said = vec![format!(
        "{}: {} exported",
        wanted.name,
        counted(entries as u64, "app", "apps")
    )];
    let comments = exported.len() - entries;
    if comments > 0 {
        said.push(format!("{comments} not exported"));
    }
    let unwanted = apps.len() - exported.len();
    if unwanted > 0 {
        said.push(format!(
            "{unwanted} left out whose connection is DISABLED (--all-supported takes them)"
        ));
    }
    output.total(said.join(", "));
}
