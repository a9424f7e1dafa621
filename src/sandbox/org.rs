//! One simulated org: its apps, its budgets, its history, behind one lock of its own, so that orgs
//! never wait for each other.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::{Mutex, MutexGuard, RwLock};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::faults::{Fault, Seen, Target};
use super::journal::{Call, Journal};
use super::limits::{Bucket, Taken, Window};
use super::model::App;
use super::oauth::{self, Client, Issued, OAuth};
use super::settings::{SandboxSettings, Switches};
use super::{names, store};

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
}

#[derive(Debug, Default)]
struct Inner {
    apps: Vec<App>,
    by_id: HashMap<Box<str>, u32>,
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
            store::replay(file, |app| inner.put(app))?;
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
        })
    }

    /// Its service apps, by client id.
    pub(super) fn clients(&self) -> BTreeMap<String, Client> {
        let mut clients = self.settings.clients.clone();
        clients.extend(self.switches().clients.clone());
        clients
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
            .get_mut(id)
            .ok_or_else(|| Refusal::not_found(id, "AppInstance"))?;
        let (value, changed) = change(app)?;
        if changed == Changed::Yes {
            save(self.file.as_deref(), app);
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
        if self.settings.assume.unique_labels && inner.apps.iter().any(taken) {
            return Err(Refusal::label_taken());
        }
        let id = self.free_id(&inner, name, label);
        let app = make(&id);
        save(self.file.as_deref(), &app);
        inner.put(app);
        Ok(id)
    }

    /// Adds an app as somebody's set-up left it, unless it is there: the same id or, without an id,
    /// the same name and label. Not stored, since whoever seeds does so at every start.
    pub(super) fn seed(&self, id: Option<&str>, name: &str, label: &str, now_ms: i64) -> String {
        let mut inner = self.inner.lock();
        let there = match id {
            Some(id) => inner.get(id),
            None => inner
                .apps
                .iter()
                .find(|app| *app.name == *name && *app.label == *label),
        };
        if let Some(app) = there {
            return app.id.to_string();
        }
        let id = id.map_or_else(|| self.free_id(&inner, name, label), str::to_owned);
        inner.put(App::new(&id, name, label, now_ms));
        id
    }

    /// Depends on name and label only, so that the order of parallel creations does not matter.
    fn free_id(&self, inner: &Inner, name: &str, label: &str) -> String {
        let mut turn = 0_u32;
        loop {
            let parts = [&*self.name, name, label, &turn.to_string()];
            let id = names::app_id(self.settings.seed, &parts);
            if inner.get(&id).is_none() {
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
            Some(id) => inner.place(id).ok_or_else(Refusal::bad_cursor)? + 1,
        };
        Ok(read(&inner.apps[start..]))
    }

    /// The requests kept, oldest first.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.inner.lock().journal.calls()
    }

    /// All apps by id and how often each operation was called.
    pub(super) fn dump(&self) -> Value {
        let inner = self.inner.lock();
        let mut apps: Vec<_> = inner.apps.iter().collect();
        apps.sort_by(|a, b| a.id.cmp(&b.id));
        json!({
            "org": self.name,
            "apps": apps.into_iter().map(App::dump).collect::<Vec<_>>(),
        })
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

impl Inner {
    fn place(&self, id: &str) -> Option<usize> {
        self.by_id
            .get(id)
            .and_then(|place| usize::try_from(*place).ok())
    }

    fn get(&self, id: &str) -> Option<&App> {
        self.place(id).map(|place| &self.apps[place])
    }

    fn get_mut(&mut self, id: &str) -> Option<&mut App> {
        self.place(id).map(|place| &mut self.apps[place])
    }

    fn put(&mut self, app: App) {
        if let Some(known) = self.get_mut(&app.id) {
            *known = app;
            return;
        }
        // 4 billion apps in one org do not fit any machine this runs on.
        if let Ok(place) = u32::try_from(self.apps.len()) {
            self.by_id.insert(app.id.clone(), place);
            self.apps.push(app);
        }
    }
}

fn save(file: Option<&Path>, app: &App) {
    if let Some(file) = file
        && let Err(error) = store::append(file, app)
    {
        tracing::error!(file = %file.display(), %error, "sandbox state could not be written");
    }
}
