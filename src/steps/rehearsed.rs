//! An org that exists in memory only: calls to it wait in its gate like any other, take the time that they would, and are
//! answered as if it did what it is asked, unless it refuses or fails.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::StepError;
use super::directory::AppsToFind;
use super::listing::Since;
use super::sending::{Caller, sent};
use crate::apps::App;
use crate::okta::{Exchange, Request, apps, clients, idps};
use crate::pacing::{CallLog, CancellationToken, Gate, Halted, Idempotency};
use crate::plan::pages_worth;

/// What a call would bring, and how long that would take from now.
pub type Answering = Arc<dyn Fn(&Request) -> Exchange + Send + Sync>;

/// See the first lines of this file.
pub struct RehearsedOrg {
    gate: Arc<Gate>,
    answering: Answering,
    apps: OrgApps,
    halted: Option<CancellationToken>,
    listed: Mutex<Listed>,
}

/// The apps of an org, as far as its entries have to find them.
#[derive(Clone, Debug, Default)]
pub struct OrgApps {
    /// What is to be found out.
    pub to_find: AppsToFind,
    /// Instances that are there, by [`App::index`].
    pub there: [u64; App::ALL.len()],
    /// By [`App::index`]: whether some are found by their labels.
    pub by_label: [bool; App::ALL.len()],
}

/// What was listed so far, by one entry for all.
#[derive(Debug, Default)]
struct Listed {
    /// Pages of the list by labels.
    pages: u64,
    /// Pages of the lists of single apps, by [`App::index`].
    of_app: [u64; App::ALL.len()],
    /// Pages of the list of service apps.
    clients: u64,
    /// Pages of the list of identity providers.
    idps: u64,
}

/// An entry that calls the org.
pub(super) struct ByEntry<'a> {
    /// See [`Gate::admit`].
    pub priority: usize,
    /// Where its calls are logged.
    pub log: &'a mut CallLog,
    /// See [`Memory::has_begun`](super::Memory::has_begun).
    pub has_begun: &'a mut bool,
    /// Cancelled once no further entry of the run may begin.
    pub halted: Option<&'a CancellationToken>,
}

impl ByEntry<'_> {
    /// The same, for one more call.
    const fn again(&mut self) -> ByEntry<'_> {
        ByEntry {
            priority: self.priority,
            log: self.log,
            has_begun: self.has_begun,
            halted: self.halted,
        }
    }
}

/// A call of an entry.
struct EntryCall<'a> {
    by: ByEntry<'a>,
}

impl Caller for EntryCall<'_> {
    fn log(&mut self) -> &mut CallLog {
        self.by.log
    }

    // The run may be halted while the first call of the entry waits for its turn.
    fn given_up(&self) -> Option<CancellationToken> {
        self.by.halted.filter(|_| !*self.by.has_begun).cloned()
    }

    async fn admitted(&mut self) -> Result<(), StepError> {
        let halted = self.by.halted;
        if !*self.by.has_begun && halted.is_some_and(CancellationToken::is_cancelled) {
            return Err(Halted::NoFurtherEntry.into());
        }
        *self.by.has_begun = true;
        Ok(())
    }

    async fn refused(&mut self) -> Result<(), StepError> {
        Ok(())
    }
}

impl OrgApps {
    /// The only app that is listed for its labels, if there is only one.
    fn only(&self) -> Option<App> {
        let mut apps = App::ALL
            .into_iter()
            .filter(|app| self.by_label[app.index()]);
        apps.next().filter(|_| apps.next().is_none())
    }

    fn pages(&self, only: Option<App>) -> u64 {
        let there = match only {
            Some(app) => self.there[app.index()],
            None => self.there.iter().sum(),
        };
        there.div_ceil(u64::from(apps::PAGE)).max(1)
    }
}

impl RehearsedOrg {
    /// One that is called through this gate and answers so, and where no further entry begins once this is
    /// cancelled.
    pub fn new(
        gate: Arc<Gate>,
        answering: Answering,
        apps: OrgApps,
        halted: Option<CancellationToken>,
    ) -> Self {
        Self {
            gate,
            answering,
            apps,
            halted,
            listed: Mutex::default(),
        }
    }

    /// Cancelled once no further entry of it may begin.
    pub(super) const fn halted(&self) -> Option<&CancellationToken> {
        self.halted.as_ref()
    }

    /// Where its calls wait for their turn.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Makes a call.
    pub(super) async fn call(
        &self,
        request: &Request,
        idempotency: Idempotency,
        by: ByEntry<'_>,
    ) -> Result<(), StepError> {
        let exchange = || async {
            let exchange = (self.answering)(request);
            tokio::time::sleep(exchange.duration).await;
            exchange
        };
        let priority = by.priority;
        let mut caller = EntryCall { by };
        let ended = sent(&self.gate, None, request, priority, &mut caller, exchange).await?;
        let failed = |error| StepError::call(error, idempotency);
        ended.outcome.map(drop).map_err(failed)
    }

    /// Lists the apps that are found by their labels, once for all entries.
    pub(super) async fn list(&self, by: ByEntry<'_>) -> Result<(), StepError> {
        let only = self.apps.only();
        let mut listed = self.listed.lock().await;
        let pages = self.apps.pages(only);
        self.read_pages(only, &mut listed.pages, pages, by).await
    }

    /// Lists the service apps, of which there are none, once for all entries.
    pub(super) async fn list_clients(&self, by: ByEntry<'_>) -> Result<(), StepError> {
        let mut listed = self.listed.lock().await;
        if listed.clients == 0 {
            self.list_clients_again(by).await?;
            listed.clients = 1;
        }
        Ok(())
    }

    /// Lists the service apps, whatever was listed before.
    pub(super) async fn list_clients_again(&self, by: ByEntry<'_>) -> Result<(), StepError> {
        let page = clients::next(&clients::first_page());
        self.call(page.request(), Idempotency::ReadOnly, by).await
    }

    /// Lists the identity providers, of which there are none, once for all entries or whatever was listed before.
    pub(super) async fn list_idps(&self, since: Since, by: ByEntry<'_>) -> Result<(), StepError> {
        let mut listed = self.listed.lock().await;
        if since == Since::Run && listed.idps > 0 {
            return Ok(());
        }
        let page = idps::next(&idps::first_page());
        self.call(page.request(), Idempotency::ReadOnly, by).await?;
        listed.idps += 1;
        Ok(())
    }

    /// Lists all instances of an app, whatever was listed before.
    pub(super) async fn list_again(&self, app: App, by: ByEntry<'_>) -> Result<(), StepError> {
        let pages = self.apps.pages(Some(app));
        self.read_pages(Some(app), &mut 0, pages, by).await
    }

    /// Finds out what an app is whose id is given: from a list where one is worth it, else by a look at it.
    pub(super) async fn identify(&self, app: App, mut by: ByEntry<'_>) -> Result<(), StepError> {
        if self.apps.to_find.labels {
            self.list(by.again()).await?;
            if self.apps.only().is_none_or(|only| only == app) {
                return Ok(());
            }
        }
        let most = pages_worth(self.apps.to_find.unseen[app.index()]);
        if most > 0 {
            let mut listed = self.listed.lock().await;
            let pages = self.apps.pages(Some(app)).min(most);
            let read = &mut listed.of_app[app.index()];
            return self.read_pages(Some(app), read, pages, by).await;
        }
        let look = apps::get("");
        self.call(look.request(), Idempotency::ReadOnly, by).await
    }

    async fn read_pages(
        &self,
        only: Option<App>,
        read: &mut u64,
        pages: u64,
        mut by: ByEntry<'_>,
    ) -> Result<(), StepError> {
        let page = apps::list(only);
        while *read < pages {
            self.call(page.request(), Idempotency::ReadOnly, by.again())
                .await?;
            *read += 1;
        }
        Ok(())
    }
}
