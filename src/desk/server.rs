//! The accept loop of the desk: so many connections at once and no more, headers within a time and of a size, and an end
//! in good order.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::wire::Wire;

/// Connections at once; a further one waits until one of them ends. A browser has six.
const CONNECTIONS: usize = 512;

/// How long a request's head may take, and how long a connection may idle between two.
const HEAD: Duration = Duration::from_secs(15);

/// Bytes of a request's head, and lines of it.
const HEAD_BYTES: usize = 32 * 1024;
const HEAD_LINES: usize = 100;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long answers that are under way may take at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Pause after a failed accept: the usual cause is a lack of file handles, which passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a request is from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub IpAddr);

/// Serves until `end`, and then what is under way.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    end: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            biased;
            () = end.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            biased;
            () = end.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let (router, tls, end) = (router.clone(), tls.clone(), end.clone());
                connections.spawn(async move {
                    let _place = place;
                    connection(stream, Peer(from.ip().to_canonical()), tls, router, end).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the desk could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let last = async { while connections.join_next().await.is_some() {} };
    // Who does not take the last answer by then is cut off.
    drop(tokio::time::timeout(LAST_ANSWERS, last).await);
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    tls: Option<TlsAcceptor>,
    router: Router,
    end: CancellationToken,
) {
    // Without it answers come a bit later.
    drop(stream.set_nodelay(true));
    let Some(tls) = tls else {
        return exchange(stream, peer, router, end).await;
    };
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        exchange(stream, peer, router, end).await;
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    end: CancellationToken,
) {
    let service = service_fn(move |request| answer(router.clone(), peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_LINES)
        .serve_connection(TokioIo::new(Wire::new(stream)), service);
    let mut connection = std::pin::pin!(connection);
    // What is wrong with a request or with the way it took, whoever sent it sees.
    tokio::select! {
        ended = connection.as_mut() => drop(ended),
        () = end.cancelled() => {
            connection.as_mut().graceful_shutdown();
            drop(connection.await);
        }
    }
}

async fn answer(
    router: Router,
    peer: Peer,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    request.extensions_mut().insert(peer);
    TowerToHyperService::new(router).call(request).await
}
