//! The steps of an entry: one file per kind, one match. A step makes at most one state-changing API
//! call and says how it ended; retries, checkpoints and parking are the worker's.

mod access;
mod activate_connection;
mod add_key;
mod admin;
mod assign_role;
mod calls;
mod checkpoint;
mod complete_consent;
mod connection;
mod context;
mod create_app;
mod create_idp;
mod create_service_app;
mod deactivate_connection;
mod directory;
mod error;
mod federation;
mod find_app;
mod fingerprint;
mod forecast;
mod generate_key;
mod grant_scope;
mod hub;
mod identity;
mod listed;
mod listing;
mod memory;
mod outside;
mod reader;
mod rehearsal;
mod rehearsed;
mod remove_key;
mod require_dpop;
mod rotation;
mod sending;
mod set_connection;
mod set_feature;
mod shown;
mod start_consent;
mod supposed_hub;
mod supposed_idp;
mod supposition;
mod switch_key;
mod token;
mod update_idp;

pub use access::{Access, LastWanted};
pub use admin::{admin_of, compare_waiting};
pub use checkpoint::{Also, checkpoint};
pub use context::{Context, earlier};
pub use directory::{AppsToFind, Directory};
pub use error::StepError;
pub use fingerprint::Fingerprints;
pub use forecast::{forecast, forecast_waiting};
pub use listing::{ClientList, Extent, IdpList, Listing, Paged, Pages, Relisting};
pub use memory::{Basis, InHub, Memory};
pub use outside::{Live, Outside};
pub use reader::Reader;
pub use rehearsal::{End, Failed, Rehearsed, TakenUp, rehearse};
pub use rehearsed::{Answering, OrgApps, RehearsedOrg};
pub use shown::{has_link, live as live_connection};
pub use supposition::RehearsedOrgs;

use crate::ledger::{Consent, Progress, StepRecord};
use crate::model::Step;

/// How a step ended without error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As wanted; `changed` = it wrote something.
    Done {
        /// Whether anything was written.
        changed: bool,
    },
    /// The connection is active, so the steps up to the features are done with this one.
    Connected {
        /// Whether anything was written.
        changed: bool,
    },
    /// Not as wanted, but changed by hand and to be left so: no further step is taken.
    LeftAlone,
    /// The consent was given in an earlier run: continue with the activation.
    Consented,
    /// A person's consent is needed before the next step.
    Waiting(Consent),
    /// The same, and a link for it was out already.
    CarriedOver(Consent),
    /// The consent is of no use any more: a fresh link is needed.
    ConsentLost {
        /// Why, for the person who gave it.
        why: String,
    },
}

impl Outcome {
    /// Whether anything was written.
    pub const fn changed(&self) -> bool {
        match self {
            Self::Done { changed } | Self::Connected { changed } => *changed,
            Self::Waiting(_) => true,
            Self::LeftAlone | Self::Consented | Self::CarriedOver(_) | Self::ConsentLost { .. } => {
                false
            }
        }
    }

    /// Ends the step that came to it, and those after it that are not needed any more.
    pub fn end(&self, steps: &[Step], progress: &mut Progress, ended: StepRecord) {
        progress.end_step(ended);
        while let Some(&next) = steps.get(progress.steps.len())
            && self.passes_over(next)
        {
            progress.end_step(StepRecord::unmade(next));
        }
    }

    const fn passes_over(&self, step: Step) -> bool {
        match self {
            Self::Connected { .. } => !matches!(step, Step::SetFeature(_)),
            Self::Consented => !matches!(step, Step::ActivateConnection),
            Self::LeftAlone => true,
            Self::Done { .. }
            | Self::Waiting(_)
            | Self::CarriedOver(_)
            | Self::ConsentLost { .. } => false,
        }
    }
}

impl Step {
    /// Does it. An app that is known to be another one than the entry says is refused, whether anything has to be
    /// written to it or not: by the ledger before any call, by a list of the org's apps that is made anyway where the
    /// entry would come to rest without a write.
    pub async fn run(self, context: &mut Context<'_>) -> Result<Outcome, StepError> {
        identity::is_not_known_as_another(context).await?;
        let outcome = self.act(context).await?;
        if comes_to_rest(&outcome, context) {
            // Boxed, as few entries get so far without having been looked at, and a list takes much memory.
            Box::pin(identity::is_not_listed_as_another(context)).await?;
        }
        Ok(outcome)
    }

    async fn act(self, context: &mut Context<'_>) -> Result<Outcome, StepError> {
        match self {
            Self::FindApp => find_app::run(context).await,
            Self::CreateApp => create_app::run(context).await,
            Self::SetConnection => set_connection::run(context).await,
            Self::AwaitConsent => Ok(Outcome::Done { changed: false }),
            Self::CompleteConsent => complete_consent::run(context).await,
            Self::ActivateConnection => activate_connection::run(context).await,
            Self::DeactivateConnection => deactivate_connection::run(context).await,
            Self::SetFeature(feature) => set_feature::run(context, feature).await,
            // Boxed, so that the many entries without a hub or keys to rotate, which wait by the ten thousand, do not take
            // the memory that these need.
            Self::CreateServiceApp => Box::pin(create_service_app::run(context)).await,
            Self::AssignRole(index) => Box::pin(assign_role::run(context, index)).await,
            Self::GrantScope(index) => Box::pin(grant_scope::run(context, index)).await,
            Self::RequireDpop => Box::pin(require_dpop::run(context)).await,
            Self::GenerateKey => Box::pin(generate_key::run(context)).await,
            Self::AddKey => Box::pin(add_key::run(context)).await,
            Self::SwitchKey => Box::pin(switch_key::run(context)).await,
            Self::RemoveKey => Box::pin(remove_key::run(context)).await,
            Self::CreateIdp => Box::pin(create_idp::run(context)).await,
            Self::UpdateIdp => Box::pin(update_idp::run(context)).await,
        }
    }
}

/// Whether nothing more is done after it, or nothing until a person has done something.
fn comes_to_rest(outcome: &Outcome, context: &Context<'_>) -> bool {
    match outcome {
        Outcome::LeftAlone | Outcome::Waiting(_) | Outcome::CarriedOver(_) => true,
        Outcome::Done { .. } => context.is_last(),
        Outcome::Connected { .. } => {
            let after = &context.steps[context.row.progress.steps.len()..];
            !after.iter().any(|step| matches!(step, Step::SetFeature(_)))
        }
        Outcome::Consented | Outcome::ConsentLost { .. } => false,
    }
}
