//! Simulated Okta orgs over real HTTP on loopback, for demos, rehearsals and tests.
//!
//! ```text
//! serve ─▶ gate ─▶ routes ─▶ org ─▶ model, capabilities      one lock per org
//!           │ host, limits, faults, auth, latency │
//!           │ headers, journal                    └─▶ store   one file of JSON lines per org
//! ```
//!
//! Strict rather than friendly: it exists to prove the client right. So it shares no types with the
//! API client, answers as recorded traffic and Okta's documents say, and takes the stricter reading
//! where they are silent; those readings are the switches of [`Assumptions`].
//!
//! A service app is let in as Okta lets it in: [`Client`] says which keys and scopes it has, or it was registered with its
//! org, and what it signs is verified. A connection between two of the orgs holds as long as the hub lets the spoke in
//! (`hub`); [`Drift`] is how tests take away what it needs.
//!
//! An org is chosen by `Host`: `http://NAME.localhost:PORT`; a bare loopback address means the first.
//! A secret that begins with `bad` or contains `invalid` is one the target refuses.

mod answer;
mod auth;
mod caller;
mod capabilities;
mod catalog;
mod client_keys;
mod drift;
mod faults;
mod filter;
mod gate;
mod held;
mod hub;
mod idp;
mod journal;
mod latency;
mod limits;
mod mistake;
mod model;
mod names;
mod oauth;
mod org;
mod rights;
mod role_edits;
mod routes;
mod serve;
mod service;
mod settings;
mod signing;
mod store;
mod unserved;
mod world;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use drift::Drift;
pub use faults::{Fault, FaultRule, Faults, Percent};
pub use journal::Call;
pub use limits::Bucket;
pub use mistake::Mistake;
pub use oauth::Client;
pub use settings::{
    Assumptions, BadPeriod, BadState, Consent, Latency, Period, SandboxSettings, Switches,
};

pub use unserved::{Reply, Unserved, Verdict};

use store::Store;
use world::{World, now_ms};

/// Simulated orgs, served until stopped or dropped.
#[derive(Debug)]
pub struct Sandbox {
    world: Arc<World>,
    address: SocketAddr,
    // Dropping it ends the server.
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// An app an org is to have from the start.
#[derive(Clone, Debug, Default)]
pub struct SeedApp {
    /// Okta's `name` of the integration, supported or not.
    pub name: String,
    /// Its id; one is made when absent.
    pub id: Option<String>,
    /// Its label; the integration's title when absent.
    pub label: Option<String>,
}

/// Why a sandbox is not there.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Nothing can listen there.
    #[error("sandbox cannot listen on {address}")]
    Listen {
        /// The address it was to listen on.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Simulated orgs are nobody else's business.
    #[error("sandbox listens on loopback addresses only, not on {0}")]
    NotLoopback(SocketAddr),
    /// The state folder is no use.
    #[error("sandbox state {path}", path = path.display())]
    State {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Not an org of this sandbox.
    #[error("sandbox has no org `{0}`")]
    NoOrg(String),
    /// What was to change is not there.
    #[error("sandbox org `{org}` has nothing for {drift:?}")]
    NothingToChange {
        /// The org.
        org: String,
        /// The change.
        drift: Box<Drift>,
    },
    /// Not a link the sandbox gave out.
    #[error("not a consent link of this sandbox")]
    NotAConsentLink,
}

impl Sandbox {
    /// Serves the orgs of `settings` (none unless its `orgs` says so; see [`Self::add_org`]).
    ///
    /// With a folder for `state`, every change survives the process, and so does the port. Without
    /// `listen`, that is the port remembered or any free one of 127.0.0.1; with it, exactly that one.
    ///
    /// # Errors
    /// When the address is not loopback or taken, or the state folder cannot be used.
    pub async fn start(
        settings: SandboxSettings,
        state: Option<PathBuf>,
        listen: Option<SocketAddr>,
    ) -> Result<Self, SandboxError> {
        let store = match state {
            None => None,
            Some(path) => Some(
                Store::open(path.clone()).map_err(|source| SandboxError::State { path, source })?,
            ),
        };
        let listener = bind(listen, store.as_ref()).await?;
        let address = listener
            .local_addr()
            .map_err(|source| SandboxError::Listen {
                address: any_port(),
                source,
            })?;
        if let Some(store) = &store {
            store
                .remember_port(address.port())
                .map_err(|source| SandboxError::State {
                    path: store.file("port"),
                    source,
                })?;
        }
        let world = Arc::new(World::new(settings, address.port(), store));
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve::serve(listener, routes::router(&world), stopped));
        let sandbox = Self {
            world,
            address,
            stop,
            server,
        };
        sandbox.populate()?;
        Ok(sandbox)
    }

    /// The orgs and apps the settings ask for: the six integrations in turn.
    fn populate(&self) -> Result<(), SandboxError> {
        let settings = Arc::clone(&self.world.settings);
        for org in 1..=settings.orgs {
            let org = names::numbered(org);
            self.add_org(&org)?;
            let kinds = catalog::SUPPORTED.iter().cycle();
            for (app, n) in kinds.zip(1..=settings.apps) {
                self.add_app(
                    &org,
                    &SeedApp {
                        name: app.name.to_owned(),
                        id: None,
                        label: Some(format!("{} {n:04}", app.title)),
                    },
                )?;
            }
        }
        Ok(())
    }

    /// Adds an org, as its state file left it; one that is there already stays as it is.
    ///
    /// # Errors
    /// When its state file cannot be read.
    pub fn add_org(&self, name: &str) -> Result<(), SandboxError> {
        self.world
            .add(name)
            .map(drop)
            .map_err(|source| SandboxError::State {
                path: self.world.state_file(name).unwrap_or_default(),
                source,
            })
    }

    /// Adds an app to an org and gives its id; one with that id, or without id that name and label,
    /// is left as it is. Not written to the state folder: seed at every start.
    ///
    /// # Errors
    /// When there is no such org.
    pub fn add_app(&self, org: &str, app: &SeedApp) -> Result<String, SandboxError> {
        let label = app
            .label
            .as_deref()
            .unwrap_or_else(|| catalog::facts(&app.name).title);
        Ok(self
            .org(org)?
            .seed(app.id.as_deref(), &app.name, label, now_ms()))
    }

    /// The address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of an org, whether it exists or not.
    pub fn url(&self, org: &str) -> String {
        let host = names::host_label(org);
        format!("http://{host}.localhost:{}", self.address.port())
    }

    /// The one API token an org accepts, as `SSWS` and as `Bearer`. It depends on the seed only.
    pub fn api_token(&self, org: &str) -> String {
        names::api_token(self.world.settings.seed, org)
    }

    /// The orgs there are, sorted.
    pub fn orgs(&self) -> Vec<String> {
        self.world.names()
    }

    /// Who is to grant consents.
    pub fn consent(&self) -> Consent {
        self.world.settings.consent
    }

    /// Does what an administrator does at the third party behind an `authorize` link, and gives what
    /// Okta's page then shows: JSON with the URL to continue with.
    ///
    /// # Errors
    /// When the link is not one of this sandbox. Whether it is still good only Okta tells, later.
    #[expect(
        clippy::unused_async,
        reason = "a caller awaits a person elsewhere; nothing in here should change that"
    )]
    pub async fn approve(&self, authorize_url: &str) -> Result<String, SandboxError> {
        routes::approve(&self.world, authorize_url).ok_or(SandboxError::NotAConsentLink)
    }

    /// The last requests of an org, oldest first.
    ///
    /// # Errors
    /// When there is no such org.
    pub fn journal(&self, org: &str) -> Result<Vec<Call>, SandboxError> {
        Ok(self.org(org)?.calls())
    }

    /// How often each operation of an org was called, e.g. `GET /api/v1/apps/{id}/features`.
    ///
    /// # Errors
    /// When there is no such org.
    pub fn counts(&self, org: &str) -> Result<BTreeMap<String, u64>, SandboxError> {
        Ok(self.org(org)?.counts())
    }

    /// Everything an org holds, without times, links and secrets: the same for the same state. Of a connection to another
    /// simulated org it says besides with which key it signs in (`kid`), whether it is let in (`pushes`), and after how
    /// many changes it was not (`interruptions`).
    ///
    /// # Errors
    /// When there is no such org.
    pub fn state(&self, org: &str) -> Result<serde_json::Value, SandboxError> {
        let found = self.org(org)?;
        Ok(hub::state(&self.world, &found))
    }

    /// Changes in an org what somebody might.
    ///
    /// # Errors
    /// When there is no such org, or nothing in it that could be changed so.
    pub fn drift(&self, org: &str, drift: &Drift) -> Result<(), SandboxError> {
        let found = self.org(org)?;
        drift::apply(&self.world, &found, drift).map_err(|_| SandboxError::NothingToChange {
            org: org.to_owned(),
            drift: Box::new(drift.clone()),
        })
    }

    /// Makes an org special from now on.
    ///
    /// # Errors
    /// When there is no such org.
    pub fn switch(&self, org: &str, switches: Switches) -> Result<(), SandboxError> {
        self.org(org)?.switch(switches);
        Ok(())
    }

    /// Ends every connection and frees the port.
    pub async fn stop(self) {
        drop(self.stop);
        if let Err(error) = self.server.await {
            tracing::warn!(%error, "sandbox server did not end in order");
        }
    }

    fn org(&self, name: &str) -> Result<Arc<org::Org>, SandboxError> {
        self.world
            .named(name)
            .ok_or_else(|| SandboxError::NoOrg(name.to_owned()))
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

async fn bind(
    listen: Option<SocketAddr>,
    store: Option<&Store>,
) -> Result<TcpListener, SandboxError> {
    let wanted = listen.unwrap_or_else(|| {
        let port = store.and_then(Store::port).unwrap_or_default();
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    });
    if !wanted.ip().is_loopback() {
        return Err(SandboxError::NotLoopback(wanted));
    }
    match TcpListener::bind(wanted).await {
        Ok(listener) => Ok(listener),
        // A remembered port that somebody else has taken since is no reason to give up.
        Err(_) if listen.is_none() => {
            TcpListener::bind(any_port())
                .await
                .map_err(|source| SandboxError::Listen {
                    address: any_port(),
                    source,
                })
        }
        Err(source) => Err(SandboxError::Listen {
            address: wanted,
            source,
        }),
    }
}
