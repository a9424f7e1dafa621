//! The Okta client against servers that answer byte by byte as a test says: what goes over the wire,
//! and what becomes of every way in which a call can go wrong.

mod faults;
mod proxy;
mod requests;
mod server;
mod tls;

use std::time::Duration;

use okta_rollout::okta::{Credentials, Http, HttpSettings, OrgClient};

/// The token every test authenticates with; must never be seen outside the `Authorization` header.
const TOKEN: &str = "00s3cretApiToken";

fn ssws(origin: &str, settings: &HttpSettings) -> OrgClient {
    let http = Http::new(settings).expect("an HTTP client");
    OrgClient::new(http, origin, Credentials::Ssws(TOKEN.into())).expect("a client")
}

/// A client that gives up soon.
fn impatient(origin: &str) -> OrgClient {
    let settings = HttpSettings {
        timeout: Duration::from_millis(200),
        ..HttpSettings::default()
    };
    ssws(origin, &settings)
}
