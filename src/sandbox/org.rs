//! One simulated org: what it holds, its budgets, its history, behind one lock of its own, so that orgs
//! never wait for each other.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::{Mutex, MutexGuard, RwLock};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::faults::{Fault, Seen, Target};
use super::held::Held;
use super::idp::Idp;
use super::journal::{Call, Journal};
use super::limits::{Bucket, Taken, Window};
use super::model::App;
use super::oauth::{self, Client, Issued, OAuth};
use super::rights::Rights;
use super::role_edits::RoleEdits;
use super::service::Holds;
use super::settings::{SandboxSettings, Switches};
use super::store::{self, Line};
use super::{limits, names};

/// A simulated org.
#[derive(Debug)]
pub(super) struct Org {
    pub name: Box<str>,
    /// The one API token it accepts.
    pub token: Box<str>,
    settings: Arc<SandboxSettings>,
    file: Option<PathBuf>,
    switches: RwLock<Arc<Switches>>,
    in_flight: AtomicU32,
    inner: Mutex<Inner>,
    oauth: Mutex<OAuth>,
    pub role_edits: RoleEdits,
}

#[derive(Debug, Default)]
struct Inner {
    held: Held,
    windows: [Window; Bucket::COUNT],
    seen: Seen,
    journal: Journal,
    requests: u64,
}

/// What the org's counters say to a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admission {
    pub fault: Option<Fault>,
    pub taken: Taken,
    /// How many requests came before it.
    pub turn: u64,
}

/// A request being worked on; counts against the concurrency limit until dropped.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Org>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Org {
    /// The org as its state file left it, or empty.
    pub(super) fn open(
        name: &str,
        settings: Arc<SandboxSettings>,
        file: Option<PathBuf>,
    ) -> std::io::Result<Self> {
        let mut inner = Inner::default();
        if let Some(file) = &file {
            store::replay(file, &mut inner.held)?;
        }
        let switches = settings.switches.get(name).cloned().unwrap_or_default();
        Ok(Self {
            name: name.into(),
            token: names::api_token(settings.seed, name).into(),
            settings,
            file,
            switches: RwLock::new(Arc::new(switches)),
            in_flight: AtomicU32::new(0),
            inner: Mutex::new(inner),
            oauth: Mutex::default(),
            role_edits: RoleEdits::default(),
        })
    }

    /// A service app that it has because settings say so.
    pub(super) fn client(&self, id: &str) -> Option<Client> {
        let own = self.switches().clients.get(id).cloned();
        own.or_else(|| self.settings.clients.get(id).cloned())
    }

    /// What a service app's roles let it do; nothing is known of one that is not there.
    pub(super) fn rights(&self, client: &str, now_ms: i64) -> Option<Rights> {
        if let Some(client) = self.client(client) {
            return Some(if client.missing_role {
                Rights::Nothing
            } else {
                Rights::Everything
            });
        }
        let holds = self.holds(now_ms);
        let roles = self.read(client, |app| {
            Some(app.service.as_deref()?.roles_held(holds))
        });
        roles.ok().flatten().map(Rights::Of)
    }

    /// When roles and scopes hold here.
    pub(super) fn holds(&self, now_ms: i64) -> Holds {
        Holds {
            after_ms: limits::whole_millis(self.settings.assume.hub_settles.0),
            now_ms,
        }
    }

    /// What makes its ids and keys repeatable.
    pub(super) fn repeats(&self) -> u64 {
        self.settings.seed
    }

    /// What it knows of tokens.
    pub(super) fn oauth(&self) -> MutexGuard<'_, OAuth> {
        self.oauth.lock()
    }

    /// Gives a token.
    pub(super) fn issue(&self, oauth: &mut OAuth, issued: Issued, now_s: i64) -> String {
        oauth.issue(self.settings.seed, &self.name, issued, now_s)
    }

    /// The nonce that it gives out now.
    pub(super) fn nonce(&self, now_s: i64) -> String {
        oauth::nonce(self.settings.seed, &self.name, self.nonce_life_s(), now_s)
    }

    /// Whether it takes a nonce now.
    pub(super) fn takes_nonce(&self, nonce: &str, now_s: i64) -> bool {
        let seed = self.settings.seed;
        oauth::is_taken(nonce, seed, &self.name, self.nonce_life_s(), now_s)
    }

    fn nonce_life_s(&self) -> u32 {
        self.switches().nonce_life_s.unwrap_or(oauth::NONCE_LIFE_S)
    }

    /// What is special about it now.
    pub(super) fn switches(&self) -> Arc<Switches> {
        Arc::clone(&self.switches.read())
    }

    /// Makes it special in another way.
    pub(super) fn switch(&self, switches: Switches) {
        *self.switches.write() = Arc::new(switches);
    }

    /// A place among the requests worked on at the same time, unless all are taken.
    pub(super) fn enter(self: &Arc<Self>, switches: &Switches) -> Option<InFlight> {
        let cap = switches.concurrency.unwrap_or(self.settings.concurrency);
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let guard = InFlight(Arc::clone(self));
        (cap == 0 || before < cap).then_some(guard)
    }

    /// Counts a request: its fault, if one is due, and its place in the bucket's window.
    pub(super) fn admit(
        &self,
        method: &str,
        path: &str,
        switches: &Switches,
        now_ms: i64,
    ) -> Admission {
        let bucket = Bucket::of(path);
        let rule = self.settings.rule(bucket, switches);
        let mut inner = self.inner.lock();
        let target = Target {
            seed: self.settings.seed,
            org: &self.name,
            method,
            path,
        };
        let fault = self.settings.faults.choose(target, &mut inner.seen);
        let window = &mut inner.windows[bucket as usize];
        let mut taken = window.take(rule, now_ms);
        if fault == Some(Fault::RateLimit) {
            window.exhaust();
            taken = window.take(rule, now_ms);
        }
        let turn = inner.requests;
        inner.requests += 1;
        Admission { fault, taken, turn }
    }

    /// Notes an answered call.
    pub(super) fn note(&self, call: Call, operation: &str) {
        let keep = usize::try_from(self.settings.journal).unwrap_or(usize::MAX);
        self.inner.lock().journal.note(call, operation, keep);
    }

    /// Reads an app.
    pub(super) fn read<T>(&self, id: &str, read: impl FnOnce(&App) -> T) -> Result<T, Refusal> {
        let inner = self.inner.lock();
        inner
            .held
            .get(id)
            .map(read)
            .ok_or_else(|| Refusal::not_found(id, "AppInstance"))
    }

    /// Changes an app. `change` must leave it alone when it refuses; what it returns says whether
    /// there is anything to store.
    pub(super) fn change<T>(
        &self,
        id: &str,
        change: impl FnOnce(&mut App) -> Result<(T, Changed), Refusal>,
    ) -> Result<T, Refusal> {
        let mut inner = self.inner.lock();
        let app = inner
            .held
            .get_mut(id)
            .ok_or_else(|| Refusal::not_found(id, "AppInstance"))?;
        let (value, changed) = change(app)?;
        if changed == Changed::Yes {
            save(self.file.as_deref(), &Line::App(app));
        }
        Ok(value)
    }

    /// Adds an app made by `make` from a free id; with `unique`, only if no other has its label.
    pub(super) fn create(
        &self,
        name: &str,
        label: &str,
        make: impl FnOnce(&str) -> App,
    ) -> Result<String, Refusal> {
        let mut inner = self.inner.lock();
        let taken = |app: &App| *app.label == *label;
        if self.settings.assume.unique_labels && inner.held.apps.iter().any(taken) {
            return Err(Refusal::label_taken());
        }
        let id = self.free_id(&inner, name, label);
        let app = make(&id);
        save(self.file.as_deref(), &Line::App(&app));
        inner.held.put(app);
        Ok(id)
    }

    /// Drops an app or an identity provider; whether it was there.
    pub(super) fn remove(&self, id: &str) -> bool {
        let removed = self.inner.lock().held.remove(id);
        if removed {
            save(self.file.as_deref(), &Line::Gone(id));
        }
        removed
    }

    /// Looks at the identity providers, and stores one that `change` gives back.
    pub(super) fn idps<T>(
        &self,
        change: impl FnOnce(&[Idp]) -> Result<(T, Option<Idp>), Refusal>,
    ) -> Result<T, Refusal> {
        let mut inner = self.inner.lock();
        let (value, idp) = change(&inner.held.idps)?;
        if let Some(idp) = idp {
            save(self.file.as_deref(), &Line::Idp(&idp));
            inner.held.put_idp(idp);
        }
        Ok(value)
    }

    /// Adds an app as somebody's set-up left it, unless it is there: the same id or, without an id,
    /// the same name and label. Not stored, since whoever seeds does so at every start; what was deleted stays so.
    pub(super) fn seed(&self, id: Option<&str>, name: &str, label: &str, now_ms: i64) -> String {
        let mut inner = self.inner.lock();
        let there = match id {
            Some(id) => inner.held.get(id),
            None => inner
                .held
                .apps
                .iter()
                .find(|app| *app.name == *name && *app.label == *label),
        };
        if let Some(app) = there {
            return app.id.to_string();
        }
        let id = id.map_or_else(|| self.free_id(&inner, name, label), str::to_owned);
        if !inner.held.is_gone(&id) {
            inner.held.put(App::new(&id, name, label, now_ms));
        }
        id
    }

    /// Depends on name and label only, so that the order of parallel creations does not matter.
    fn free_id(&self, inner: &Inner, name: &str, label: &str) -> String {
        let mut turn = 0_u32;
        loop {
            let parts = [&*self.name, name, label, &turn.to_string()];
            let id = names::app_id(self.settings.seed, &parts);
            if inner.held.get(&id).is_none() {
                return id;
            }
            turn += 1;
        }
    }

    /// Looks at the apps in their order, from the one after `after` on.
    pub(super) fn list<T>(
        &self,
        after: Option<&str>,
        read: impl FnOnce(&[App]) -> T,
    ) -> Result<T, Refusal> {
        let inner = self.inner.lock();
        let start = match after {
            None => 0,
            Some(id) => inner.held.place(id).ok_or_else(Refusal::bad_cursor)? + 1,
        };
        Ok(read(&inner.held.apps[start..]))
    }

    /// The requests kept, oldest first.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.inner.lock().journal.calls()
    }

    /// All apps and identity providers by id.
    pub(super) fn dump(&self) -> Value {
        let inner = self.inner.lock();
        let mut apps: Vec<_> = inner.held.apps.iter().collect();
        apps.sort_by(|a, b| a.id.cmp(&b.id));
        let mut dump = json!({
            "org": self.name,
            "apps": apps.into_iter().map(App::dump).collect::<Vec<_>>(),
        });
        let mut idps: Vec<_> = inner.held.idps.iter().collect();
        if !idps.is_empty() {
            idps.sort_by(|a, b| a.id.cmp(&b.id));
            dump["idps"] = idps.into_iter().map(Idp::dump).collect();
        }
        dump
    }

    /// How often each operation was called.
    pub(super) fn counts(&self) -> std::collections::BTreeMap<String, u64> {
        self.inner.lock().journal.counts().clone()
    }
}

/// Whether an app has to be stored again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Yes,
    No,
}

fn save(file: Option<&Path>, line: &Line<'_>) {
    if let Some(file) = file
        && let Err(error) = store::append(file, line)
    {
        tracing::error!(file = %file.display(), %error, "sandbox state could not be written");
    }
}
