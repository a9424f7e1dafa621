//! All orgs of a sandbox and what they share: settings, state folder, port.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, header};
use parking_lot::RwLock;

use super::names;
use super::org::Org;
use super::settings::SandboxSettings;
use super::store::Store;
use crate::sandbox::caller::Caller;

/// What the router's handlers share.
#[derive(Debug)]
pub(super) struct World {
    pub settings: Arc<SandboxSettings>,
    pub port: u16,
    store: Option<Store>,
    orgs: RwLock<Orgs>,
}

#[derive(Debug, Default)]
struct Orgs {
    by_host: HashMap<Box<str>, Arc<Org>>,
    first: Option<Arc<Org>>,
}

impl World {
    pub(super) fn new(settings: SandboxSettings, port: u16, store: Option<Store>) -> Self {
        Self {
            settings: Arc::new(settings),
            port,
            store,
            orgs: RwLock::default(),
        }
    }

    /// The org of this name, made if it is new.
    pub(super) fn add(&self, name: &str) -> std::io::Result<Arc<Org>> {
        let host = names::host_label(name);
        let mut orgs = self.orgs.write();
        if let Some(org) = orgs.by_host.get(host.as_str()) {
            return Ok(Arc::clone(org));
        }
        let file = self.state_file(name);
        let org = Arc::new(Org::open(name, Arc::clone(&self.settings), file)?);
        if orgs.first.is_none() {
            orgs.first = Some(Arc::clone(&org));
        }
        orgs.by_host.insert(host.into(), Arc::clone(&org));
        Ok(org)
    }

    /// The org of this name, if there is one.
    pub(super) fn named(&self, name: &str) -> Option<Arc<Org>> {
        let orgs = self.orgs.read();
        orgs.by_host.get(names::host_label(name).as_str()).cloned()
    }

    /// All orgs.
    pub(super) fn all(&self) -> Vec<Arc<Org>> {
        self.orgs.read().by_host.values().cloned().collect()
    }

    /// The org that a URL leads to, if it is one of this sandbox.
    pub(super) fn at_url(&self, url: &str) -> Option<Arc<Org>> {
        let url = url::Url::parse(url).ok()?;
        let is_here = url.scheme() == "http" && url.port() == Some(self.port);
        self.at_host(url.host_str().filter(|_| is_here)?)
    }

    /// The org that has this service app.
    pub(super) fn of_client(&self, id: &str) -> Option<Arc<Org>> {
        let orgs = self.orgs.read();
        let has = |org: &&Arc<Org>| matches!(org.read(id, |app| app.service.is_some()), Ok(true));
        orgs.by_host.values().find(has).cloned()
    }

    /// All names, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let orgs = self.orgs.read();
        let mut names: Vec<_> = orgs
            .by_host
            .values()
            .map(|org| org.name.to_string())
            .collect();
        names.sort();
        names
    }

    /// Where the state of the org of this name is kept.
    pub(super) fn state_file(&self, name: &str) -> Option<PathBuf> {
        let store = self.store.as_ref()?;
        Some(store.file(&names::host_label(name)))
    }

    /// The org a `Host` header means.
    pub(super) fn at_host(&self, host: &str) -> Option<Arc<Org>> {
        let name = without_port(host).to_ascii_lowercase();
        let orgs = self.orgs.read();
        if matches!(name.as_str(), "127.0.0.1" | "localhost" | "[::1]") {
            return orgs.first.clone();
        }
        orgs.by_host.get(name.strip_suffix(".localhost")?).cloned()
    }

    /// Whose request carries these headers.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        Some(Caller {
            org: self.at_host(host)?,
            origin: format!("http://{}", host.to_ascii_lowercase()).into(),
        })
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The machine's clock, epoch milliseconds.
pub(super) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_decides_the_org() {
        let world = World::new(SandboxSettings::default(), 1, None);
        for name in ["acme", "hub"] {
            world.add(name).unwrap();
        }
        for (host, org) in [
            ("acme.localhost:8080", Some("acme")),
            ("ACME.LocalHost:8080", Some("acme")),
            ("hub.localhost", Some("hub")),
            ("127.0.0.1:8080", Some("acme")),
            ("localhost", Some("acme")),
            ("[::1]:8080", Some("acme")),
            ("[::1]", Some("acme")),
            ("other.localhost:8080", None),
            ("acme.okta.com", None),
            ("", None),
        ] {
            let found = world.at_host(host).map(|org| org.name.to_string());
            assert_eq!(found.as_deref(), org, "{host}");
        }
    }
}
