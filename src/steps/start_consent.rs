//! `set_connection` of a three-legged connection: its consent is started, or the link of one that was started is waited
//! for. What is done is [`BeforeConsent`]'s word.
//!
//! Asking for a link makes the one before useless, so that it is recorded as under way before it is sent, like every
//! once-only call: when its answer is lost, a link that Okta then shows and did not show before is the one asked for.

use sha2::{Digest, Sha256};

use super::admin::Admin;
use super::connection::{post, read};
use super::shown::ShownConnection;
use super::{Basis, Context, Outcome, StepError};
use crate::apps::{App, AuthScheme};
use crate::ledger::Consent;
use crate::manifest::{ADMIN_SECRETS, Connection};
use crate::model::{Changed, Why};
use crate::okta::connections::{Activate, ConnectionBody};
use crate::pacing::Idempotency;
use crate::plan::{
    BeforeConsent, ConsentStep, Difference, Fate, LiveConnection, LiveStatus, Part, Secret,
    ShownLink, consented, differences, unsupported,
};

/// The field that says whether a connection is active.
const STATUS: &str = "connection.status";

pub(super) async fn run(
    context: &mut Context<'_>,
    wanted: &Connection,
) -> Result<Outcome, StepError> {
    let app_id = context.app_id()?;
    let ShownConnection { live: shown, link } = read(context, &app_id).await?;
    let link = link.and_then(Result::ok);
    let scheme = wanted.profile.auth_scheme;
    let consented = consented(&shown, scheme)?;
    let admin = Admin::read(context, wanted, &app_id).await?;
    let before = BeforeConsent {
        consented,
        connected: context.app_memory().await?.connected,
        fresh: context.row.progress.consent_lost,
        renew: context.renews(),
        posted: context.may_have_been_sent(),
        link: whose(context, link.as_ref(), &admin),
        secret_changed: admin.secrets.contains(&Secret::Changed),
    };
    context.row.progress.left_secrets.clear();
    match (before.step(), link) {
        (ConsentStep::Connected, _) => {
            admin.leave(context);
            let changed = before.posted;
            Ok(Outcome::Connected { changed })
        }
        (ConsentStep::Activate, _) => {
            // Somebody deactivated it; Okta still has what the consent gave.
            let off = Difference::text("status", shown.status.name(), "ENABLED");
            let (fate, _) = context.fate(&[off], None).await?;
            if fate == Fate::LeftAlone {
                return Ok(Outcome::LeftAlone);
            }
            admin.leave(context);
            Ok(Outcome::Consented)
        }
        (ConsentStep::Adopt, Some(consent)) if before.link == ShownLink::Own => {
            let consent = its_own(context, consent, before.posted);
            if before.posted {
                admin.was_set(context);
            } else {
                // It is for the credentials of then.
                admin.leave(context);
            }
            Ok(Outcome::Waiting(consent))
        }
        (ConsentStep::Adopt, Some(consent)) => {
            context.row.progress.link_in_doubt = false;
            // Nobody knows better what it was asked for with, and a later change must show.
            admin.was_set(context);
            Ok(Outcome::CarriedOver(consent))
        }
        (ConsentStep::Adopt | ConsentStep::Post, link) => {
            // That call may arrive after this one.
            context.row.progress.link_in_doubt |= before.posted;
            context.link_before = link.map(|link| state_hash(&link.state));
            context.credentials = admin.known_by();
            let changes = consent_changes(context, &shown, wanted, &admin).await?;
            context.changing(changes, Basis::Ledger);
            if before.renew {
                context.give_up_consent(&app_id).await?;
            }
            ask_for_link(context, &app_id, scheme, admin).await
        }
    }
}

// The link that this entry got, now or before: where it leads may have changed, and it waits since it was first given.
fn its_own(context: &mut Context<'_>, shown: Consent, posted: bool) -> Consent {
    let progress = &mut context.row.progress;
    progress.link_in_doubt &= posted;
    let waited_for = progress.consent.as_ref();
    let same = waited_for.filter(|waited_for| waited_for.state == shown.state);
    let since = same.map_or(shown.since, |same| same.since);
    Consent { since, ..shown }
}

async fn ask_for_link(
    context: &mut Context<'_>,
    app_id: &str,
    scheme: AuthScheme,
    mut admin: Admin,
) -> Result<Outcome, StepError> {
    let body = match context.row.entry.app {
        App::Office365 => ConnectionBody::Office365 {
            admin: admin.credentials.take(),
        },
        _ => ConnectionBody::Oauth2,
    };
    let shown = post(context, app_id, &body, Activate::No, Idempotency::OnceOnly).await?;
    let ShownConnection {
        live: shown,
        link: consent,
    } = match shown {
        Some(shown) if shown.link.is_some() => shown,
        _ => read(context, app_id).await?,
    };
    if shown.is_enabled_with(scheme) && !(context.row.progress.renewing && consent.is_some()) {
        admin.was_set(context);
        note_activation(context).await?;
        return Ok(Outcome::Connected { changed: true });
    }
    let failed = match consent {
        Some(Ok(consent)) => {
            admin.was_set(context);
            return Ok(Outcome::Waiting(consent));
        }
        Some(Err(bad)) => bad,
        None if shown.status == LiveStatus::Unknown => unsupported(&shown).into(),
        None => StepError::failed(
            format!("Okta gave no consent link ({})", shown.describe()),
            "check that provisioning is available for this app in the org",
        ),
    };
    // Its answer was clear: nothing of it is under way.
    context.row.progress.in_flight = None;
    Err(failed)
}

// What a link to consent is asked for with; that the connection is active is changed by what comes after the consent.
async fn consent_changes(
    context: &mut Context<'_>,
    found: &LiveConnection,
    wanted: &Connection,
    admin: &Admin,
) -> Result<Vec<Changed>, StepError> {
    let why = context.why().await?;
    let judged = context
        .earlier()
        .await?
        .judge(Part::Connection, &differences(found, wanted)?);
    let mut changes = judged.changes(Part::Connection, why, &[]);
    changes.retain(|change| change.field != STATUS);
    if changes.is_empty() {
        // Okta shows the scheme of an app that has only this one before anybody asked for a link.
        changes.push(Changed {
            field: "connection.profile.authScheme".to_owned(),
            why,
            values: Some((None, wanted.profile.auth_scheme.name().into())),
        });
    }
    if wanted.profile.settings.is_some() {
        let named = ADMIN_SECRETS.into_iter().zip(admin.secrets);
        changes.extend(named.map(|(field, secret)| match secret {
            Secret::Changed => Changed::unseen(field, Why::SecretChanged),
            _ => Changed::unseen(field, why),
        }));
    }
    Ok(changes)
}

/// Notes that the connection becomes active by what is sent next.
pub(super) async fn note_activation(context: &mut Context<'_>) -> Result<(), StepError> {
    let off = Difference::text("status", Some("DISABLED"), "ENABLED");
    let why = context.why().await?;
    let judged = context.earlier().await?.judge(Part::Connection, &[off]);
    let mut changes = std::mem::take(&mut context.row.progress.changing);
    for change in judged.changes(Part::Connection, why, &[]) {
        change.add_to(&mut changes);
    }
    context.changing(changes, Basis::Ledger);
    Ok(())
}

fn whose(context: &Context<'_>, link: Option<&Consent>, admin: &Admin) -> ShownLink {
    let Some(link) = link else {
        return ShownLink::None;
    };
    let progress = &context.row.progress;
    let own = match &progress.in_flight {
        Some(in_flight) if in_flight.step == context.step => {
            // One that was asked for with other credentials than those of now is of no use.
            in_flight.link_before.as_ref() != Some(&state_hash(&link.state))
                && admin.are(in_flight.credentials.as_deref())
        }
        _ => {
            // Of one that was lost nothing is kept: this is the newest that this entry got.
            let waited_for = progress.consent.as_ref();
            waited_for.is_some_and(|consent| consent.state == link.state)
        }
    };
    if own {
        ShownLink::Own
    } else {
        ShownLink::Another
    }
}

// A state is as good as a password: the ledger tells links apart by this.
fn state_hash(state: &str) -> String {
    hex::encode(Sha256::digest(state))
}
