//! An address that something is posted to and that is no org's. All of it is a secret: no text here names any part.
//!
//! It is reached as orgs are (time-outs, certificates, proxies), and redirects are followed nowhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::error::{Way, unanswered};
use super::http::Http;
use super::proxy::Proxy;
use super::resolve::is_loopback;

/// What it is called in messages.
const NAME: &str = "the webhook";

/// An address to post to. Cheap to clone.
#[derive(Clone)]
pub struct Webhook {
    client: Client,
    proxy: Option<Arc<Proxy>>,
    url: Url,
    timeout: Duration,
}

impl Webhook {
    /// Of this URL; `None` when it is neither https nor http for loopback.
    pub fn new(http: &Http, url: &SecretString) -> Option<Self> {
        let url = Url::parse(url.expose_secret()).ok()?;
        let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
        is_safe.then(|| Self {
            client: http.client(&url).clone(),
            proxy: http.proxy(&url),
            timeout: http.timeout(),
            url,
        })
    }

    /// Posts JSON once, within this time and that of [`HttpSettings`](super::HttpSettings).
    ///
    /// # Errors
    /// Why it was not taken: any answer but a success, or none.
    pub async fn post(
        &self,
        headers: &[(&'static str, String)],
        body: Bytes,
        within: Duration,
    ) -> Result<(), String> {
        let timeout = within.min(self.timeout);
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .timeout(timeout)
            .body(body);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) if answer.status().is_redirection() => Err(format!(
                "HTTP {}, a redirect, which is not followed",
                answer.status().as_u16()
            )),
            Ok(answer) => Err(format!("HTTP {}", answer.status().as_u16())),
            Err(error) => Err(self.without_address(&self.failed(error, timeout))),
        }
    }

    fn failed(&self, error: reqwest::Error, timeout: Duration) -> String {
        let way = Way {
            host: NAME,
            proxy: self.proxy.as_deref(),
            said: None,
            timeout,
        };
        unanswered(error, way).details.message
    }

    /// Certificates and name servers name the host.
    fn without_address(&self, text: &str) -> String {
        match self.url.host_str() {
            Some(host) => text.replace(host, NAME),
            None => text.to_owned(),
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Webhook")
    }
}

#[cfg(test)]
mod tests {
    use super::super::http::HttpSettings;
    use super::*;

    #[test]
    fn only_what_nobody_reads_on_the_way_is_posted_to_and_none_of_it_is_shown() {
        let http = Http::new(&HttpSettings::default()).expect("a client");
        for (url, is_one) in [
            ("https://hooks.example.com/T0/s3cr3t", true),
            ("http://127.0.0.1:1/s3cr3t", true),
            ("http://localhost/s3cr3t", true),
            ("http://hooks.example.com/s3cr3t", false),
            ("file:///s3cr3t", false),
            ("s3cr3t", false),
        ] {
            let webhook = Webhook::new(&http, &url.to_owned().into());
            assert_eq!(webhook.is_some(), is_one, "{url}");
            assert!(!format!("{webhook:?}").contains("s3cr3t"));
        }
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_without_the_address() {
        let http = Http::new(&HttpSettings::default()).expect("a client");
        // Nobody listens there.
        let url = "http://s3cr3t.localhost:1/s3cr3t".to_owned();
        let webhook = Webhook::new(&http, &url.into()).expect("a webhook");
        let why = webhook
            .post(&[], Bytes::new(), Duration::from_secs(5))
            .await;
        let why = why.expect_err("not taken");
        assert!(why.starts_with("cannot connect to the webhook: "), "{why}");
        assert!(!why.contains("s3cr3t"), "{why}");
        let host = "certificate not valid for name \"s3cr3t.localhost\"";
        assert!(!webhook.without_address(host).contains("s3cr3t"));
    }
}
