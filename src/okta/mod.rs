//! Okta's API as this program uses it: the only place that names the HTTP library, sends a request,
//! or decides what an answer means.
//!
//! A resource module ([`apps`], [`connections`], [`features`], [`callback`], [`clients`], [`grants`],
//! [`federated_app`], [`idps`]) builds a [`Read`] or a [`Write`]; [`OrgClient::exchange`] sends it and returns an [`Exchange`], everything that was
//! observed of one call; the [`Read`] or [`Write`] decodes the body. What went wrong is a [`CallError`]
//! whose [`Class`] is decided in [`error`] and nowhere else. Waiting, retrying and pacing are not
//! here: they belong to `run`.
//!
//! What a request carries to be let in is a header that stays the same, or what an [`Authorizer`] makes for it;
//! a token that it needs first is asked for with [`Tokens`] by whoever sends calls.
//!
//! Credentials go to the org they belong to and to nobody else: a client has one origin, follows no
//! redirect, and refuses a page link that leads away. A [`Webhook`] is no org: it shares nothing with them but how
//! connections are made.
//!
//! What is known of the API itself, and how it is known, follows; comments cite it as `API.md §n`.
//!
#![doc = include_str!("API.md")]
#![expect(
    clippy::result_large_err,
    reason = "an error is made at most once per HTTP call; its fields are what callers store"
)]

pub mod apps;
pub mod authorize;
pub mod callback;
pub mod clients;
pub mod connections;
pub mod error;
pub mod features;
pub mod federated_app;
mod fields;
pub mod grants;
pub mod idps;

mod answer;
mod authorizer;
mod client;
mod content;
mod dpop;
mod head;
mod http;
pub mod keys;
mod link;
mod page;
mod private_key_jwt;
mod proxy;
mod request;
mod resolve;
pub mod service_app;
mod tokens;
mod webhook;

pub use answer::{Body, Exchange};
pub use authorizer::{
    AnswerHeaders, Authorization, Authorizer, Authorizing, Credentials, TokenCall,
};
pub use client::{OrgClient, ReadOnlyClient};
pub use error::{CallError, Class, Denied};
pub use head::RateHeaders;
pub use http::{Http, HttpError, HttpSettings};
pub use private_key_jwt::PrivateKeyJwt;
pub use proxy::{Proxies, ProxyError};
pub use request::{Bucket, Method, Read, Request, RequestBody, Write};
pub use tokens::Tokens;
pub use webhook::Webhook;
