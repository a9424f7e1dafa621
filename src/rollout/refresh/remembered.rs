//! What the ledger knows that Okta does not show: which secrets were set last, and which consents somebody may be
//! about to give. It is only read; where there is none, nothing is known.

use std::collections::{HashMap, HashSet};

use super::gather::text_of;
use crate::ledger::{AppMemory, HmacKeys, Ledger, LedgerError};
use crate::manifest::{Entry, SecretError, SecretUse, Secrets};
use crate::model::{EntryNo, RunId};
use crate::plan::{Earlier, Secret, admin_secrets};
use crate::steps::{Fingerprints, admin_of, earlier};

/// What a plan asks the ledger about apps; without a ledger every answer is "not known".
#[derive(Default)]
pub(super) struct Remembered {
    ledger: Option<Ledger>,
    fingerprints: Option<Fingerprints>,
    // By org URL and entry.
    waiting: HashMap<(String, String), LinkIsOut>,
}

/// Somebody may be about to give an entry's consent.
pub(super) struct LinkIsOut {
    /// The app instance, once known.
    pub app_id: Option<String>,
    /// Whether another link may have replaced it: a run looks first.
    pub in_doubt: bool,
}

/// Entries by run and number: the same in every copy of a ledger.
pub(super) type Wishers = [Option<(RunId, EntryNo)>; 2];

/// An app instance that is there.
#[derive(Clone, Copy)]
pub(super) struct Instance<'a> {
    /// See [`crate::ledger::OrgRow::url`].
    pub org_url: &'a str,
    /// Its id.
    pub app_id: &'a str,
    /// What is remembered of it.
    pub memory: &'a AppMemory,
    /// The base URL that Okta shows.
    pub live_base_url: Option<&'a str>,
}

impl Remembered {
    /// Reads what is known.
    pub async fn read(ledger: Option<Ledger>) -> Result<Self, LedgerError> {
        let Some(ledger) = ledger else {
            return Ok(Self::default());
        };
        let waiting = waiting(&ledger).await?;
        Ok(Self {
            fingerprints: keys(&ledger).await?.map(Fingerprints::new),
            ledger: Some(ledger),
            waiting,
        })
    }

    /// Whether a consent of this entry is waited for, which a new run takes over.
    pub fn waits(&self, org_url: &str, entry: &str) -> Option<&LinkIsOut> {
        if self.waiting.is_empty() {
            return None; // spares the copies, a million times
        }
        self.waiting.get(&(org_url.to_owned(), entry.to_owned()))
    }

    /// What is remembered of an app.
    pub async fn app(&self, org_url: &str, app_id: &str) -> Result<AppMemory, LedgerError> {
        match &self.ledger {
            Some(ledger) => ledger.app_memory(org_url, app_id).await,
            None => Ok(AppMemory::default()),
        }
    }

    /// Which entries an app was found or made so by, and moved on by.
    pub async fn wishers(&self, app: &AppMemory) -> Result<Wishers, LedgerError> {
        match &self.ledger {
            Some(ledger) => ledger.wishers(app).await,
            None => Ok([None, None]),
        }
    }

    /// The ids of an org's apps of which it is known what they are.
    pub async fn seen_apps(&self, org_url: &str) -> Result<HashSet<Box<str>>, LedgerError> {
        match &self.ledger {
            Some(ledger) => ledger.seen_apps(org_url).await,
            None => Ok(HashSet::new()),
        }
    }

    /// What was wanted of an app before this entry.
    pub async fn earlier(&self, app: &AppMemory, entry: &Entry) -> Result<Earlier, LedgerError> {
        match &self.ledger {
            Some(ledger) => earlier(ledger, app, entry).await,
            None => Ok(Earlier::Never),
        }
    }

    /// How an entry's token stands to the one this ledger set last. It is read only if there is one.
    pub async fn token(
        &self,
        app: Instance<'_>,
        entry: &Entry,
        secrets: &Secrets,
    ) -> Result<Secret, SecretError> {
        let (org_url, app_id) = (app.org_url, app.app_id);
        let (Some(fingerprints), Some(connection)) = (&self.fingerprints, &entry.connection) else {
            return Ok(Secret::Unknown);
        };
        let Some(reference) = &connection.profile.token else {
            return Ok(Secret::Unknown);
        };
        let Some(stored) = fingerprints.set_last(app.memory) else {
            return Ok(Secret::Unknown);
        };
        let token = secrets.resolve(reference, SecretUse::Token).await?;
        let of = |base_url: Option<&str>| {
            let made = fingerprints.of(org_url, app_id, &token, base_url);
            Secret::of(Some(stored), made.each())
        };
        let secret = of(connection.base_url.as_deref());
        let only_moved = secret == Secret::Changed && of(app.live_base_url) == Secret::Unchanged;
        Ok(if only_moved { Secret::Moved } else { secret })
    }

    /// How each of an entry's admin credentials stands to the one this ledger set last; they are read only if there
    /// are some.
    pub async fn admin(
        &self,
        app: Instance<'_>,
        entry: &Entry,
        secrets: &Secrets,
    ) -> Result<[Secret; 2], SecretError> {
        let unknown = [Secret::Unknown; 2];
        let settings = entry.connection.as_ref();
        let settings = settings.and_then(|wanted| wanted.profile.settings.as_ref());
        let (Some(fingerprints), Some(settings)) = (&self.fingerprints, settings) else {
            return Ok(unknown);
        };
        let Some(stored) = fingerprints.set_last(app.memory) else {
            return Ok(unknown);
        };
        let admin = admin_of(settings, secrets).await?;
        let made = fingerprints.of_admin(app.org_url, app.app_id, &admin);
        Ok(admin_secrets(Some(stored), made.each()))
    }
}

/// A ledger that never set a secret has no key.
async fn keys(ledger: &Ledger) -> Result<Option<HmacKeys>, LedgerError> {
    match ledger.keys().await {
        Ok(keys) => Ok(Some(keys)),
        Err(LedgerError::ReadOnly { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Of any run, and the newest run's where several wait for the same, as when a new run takes them over.
async fn waiting(ledger: &Ledger) -> Result<HashMap<(String, String), LinkIsOut>, LedgerError> {
    let mut waiting = HashMap::new();
    for pending in ledger.pending_consents(None).await? {
        let row = pending.entry;
        let in_doubt = row.progress.link_in_doubt;
        let app_id = row.progress.app_id.or_else(|| row.entry.app_id.clone());
        let key = (pending.org.url, text_of(row.entry));
        waiting.insert(key, LinkIsOut { app_id, in_doubt });
    }
    Ok(waiting)
}
