//! The desk: a web page where people work off what waits for them: consents by org and app, waves to approve, and runs as
//! they go. Rendered here, from the ledgers, so that it is as right after a crash; it works without a script.
//!
//! ```text
//! server.rs ─▶ door.rs ─▶ routes.rs  pages that are looked at   ─▶ facts.rs, shelves.rs ─▶ ledgers
//! wire.rs       slow.rs   forms.rs   what people do             ─▶ asked.rs ─▶ whoever began the desk
//!               keys.rs   acts.rs    about runs, jobs and orgs
//!                         shared.rs  links for one org (share.rs)
//!                         feed.rs    what happens               ◀─ events of the engine
//!                         metrics.rs, jobs.rs, fleet.rs            pages/  facts in, HTML out
//! ```
//!
//! It is a front end: it neither prints nor knows the command line, and opens no org. What it does not do itself it asks
//! of whoever began it ([`asked`]).

mod acts;
pub(crate) mod address;
pub(crate) mod asked;
mod claims;
mod counted;
mod door;
mod facts;
mod faults;
mod feed;
mod filter;
mod fleet;
mod form;
mod forms;
pub(crate) mod jobs;
mod keys;
mod metrics;
mod numbers;
mod pages;
mod routes;
mod server;
pub(crate) mod share;
mod shared;
pub(crate) mod shelves;
mod site;
mod slow;
mod told;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::engine::Engine;
use crate::job::LedgerUrl;
use address::Address;
use asked::{Complete, Doer};
use feed::Feed;
use keys::Keys;
use shelves::{Scope, Shelves};
pub(crate) use site::Jobs;
use site::{STREAMS, Site};

/// What a desk is opened with.
pub(crate) struct Opening {
    /// Where it is reached.
    pub listener: TcpListener,
    /// By TLS, if it is.
    pub tls: Option<TlsAcceptor>,
    /// By which names.
    pub address: Address,
    /// Who has this is let in.
    pub token: SecretString,
    /// Of which consents it is.
    pub scope: Scope,
    /// Ledgers that it looks into from the first request on.
    pub ledgers: Vec<LedgerUrl>,
    /// The jobs that are served.
    pub jobs: Jobs,
    /// Who carries out what is asked for.
    pub doer: Doer,
    /// Completes printed commands.
    pub complete: Complete,
}

/// A desk that people work at.
pub(crate) struct Desk {
    /// The ledgers that it looks into.
    pub shelves: Arc<Shelves>,
    /// After that nothing more is heard.
    silence: CancellationToken,
    /// What hears until then.
    hears: AbortOnDropHandle<()>,
    end: CancellationToken,
    served: AbortOnDropHandle<()>,
    /// What looks as long as it is open.
    _beside: [AbortOnDropHandle<()>; 2],
}

impl Desk {
    /// Opens it, for what this engine does.
    pub fn open(opening: Opening, engine: &Engine) -> Self {
        let (feed, end) = (Arc::new(Feed::new()), CancellationToken::new());
        let silence = CancellationToken::new();
        let shelves = Shelves::new(
            (engine.clone(), opening.doer.clone()),
            opening.scope,
            opening.address.base(),
            Arc::clone(&feed),
        );
        shelves.set(opening.ledgers);
        let shelves = Arc::new(shelves);
        let counted = Arc::<counted::Counted>::default();
        engine.gates().counts().begin();
        let site = Arc::new(Site {
            keys: Keys::of(&opening.token),
            address: opening.address,
            slow: slow::Slow::default(),
            feed: Arc::clone(&feed),
            streams: Arc::new(Semaphore::new(STREAMS)),
            shelves: Arc::clone(&shelves),
            engine: engine.clone(),
            jobs: opening.jobs,
            doer: opening.doer,
            complete: opening.complete,
            claims: claims::Claims::default(),
            counted: Arc::clone(&counted),
            fleet: fleet::Seen::default(),
            end: end.clone(),
        });
        let listener = engine.events().listen_until(silence.clone());
        let hears = tokio::spawn({
            let feed = Arc::clone(&feed);
            async move { feed.hear(listener).await }
        });
        let counts = tokio::spawn({
            let listener = engine.events().listen_until(end.clone());
            async move { counted.hear(listener).await }
        });
        let keeps = tokio::spawn({
            let (shelves, listener) = (Arc::clone(&shelves), engine.events().listen());
            async move { shelves.keep(listener).await }
        });
        let router = match opening.scope {
            Scope::Everything | Scope::LiveRuns => router(&site),
            Scope::Numbers => numbers_only(&site),
        };
        let served = server::serve(opening.listener, opening.tls, router, end.clone());
        Self {
            shelves,
            end,
            served: AbortOnDropHandle::new(tokio::spawn(served)),
            silence,
            hears: AbortOnDropHandle::new(hears),
            _beside: [keeps, counts].map(AbortOnDropHandle::new),
        }
    }

    /// Ends it; answers that are under way are still given.
    pub async fn close(self) {
        self.silence.cancel();
        // Whoever listens hears how it ended.
        drop(self.hears.await);
        self.end.cancel();
        // It ends by itself, within seconds.
        drop(self.served.await);
    }
}

/// What machines ask.
fn numbers_only(site: &Arc<Site>) -> Router {
    Router::new()
        .route("/healthz", get("ok\n"))
        .route("/metrics", get(routes::metrics))
        .layer(from_fn_with_state(Arc::clone(site), door::guard))
        .with_state(Arc::clone(site))
}

fn router(site: &Arc<Site>) -> Router {
    Router::new()
        .route("/", get(routes::first))
        .route("/healthz", get("ok\n"))
        // A browser asks for it whatever a page says.
        .route("/favicon.ico", get(StatusCode::NO_CONTENT))
        .route("/metrics", get(routes::metrics))
        .route("/events", get(routes::events))
        .route("/consents", get(routes::consents))
        .route("/consents/answers", post(forms::answers))
        .route("/consents/open", post(forms::open))
        .route("/consents/fresh", post(forms::fresh))
        .route("/who", post(forms::set_who))
        .route("/runs", get(routes::runs))
        .route("/runs/{run}", get(routes::run))
        .route("/runs/{run}/entries/{row}", get(routes::entry))
        .route("/runs/{run}/approve", post(acts::approve))
        .route("/runs/{run}/stop", post(acts::stop))
        .route("/jobs", get(routes::jobs))
        .route("/jobs/run", post(acts::run_now))
        .route("/jobs/stop", post(acts::stop_job))
        .route("/share", post(acts::share))
        .route("/share/{link}", get(shared::page))
        .route("/share/{link}/who", post(shared::set_who))
        .route("/share/{link}/consents/answers", post(shared::answers))
        .route("/share/{link}/consents/open", post(shared::open))
        .route("/share/{link}/consents/fresh", post(shared::fresh))
        .fallback(routes::nowhere)
        .layer(from_fn_with_state(Arc::clone(site), door::guard))
        .with_state(Arc::clone(site))
}
