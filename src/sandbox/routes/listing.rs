//! Lists in pages, with cursors that are the id of the last one shown (API.md §9).

use std::collections::HashMap;

use axum::http::{HeaderValue, Uri, header};
use serde_json::Value;

use super::super::answer::{self, Answer, Refusal};

/// How many are on a page when nobody says (recorded).
const LIMIT_DEFAULT: usize = 20;

/// Most on a page.
const LIMIT_MAX: usize = 200;

/// A page that is asked for.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    origin: &'a str,
    uri: &'a Uri,
    query: &'a HashMap<String, String>,
    limit: usize,
}

/// What is on it, and where the list continues.
#[derive(Debug)]
pub(super) struct Page {
    shown: Vec<Value>,
    next: Option<String>,
}

impl<'a> Listing<'a> {
    /// The page that a query means.
    pub fn of(
        origin: &'a str,
        uri: &'a Uri,
        query: &'a HashMap<String, String>,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            origin,
            uri,
            query,
            limit: limit(query.get("limit"))?,
        })
    }

    /// The id of the last one on the page before.
    pub fn after(&self) -> Option<&'a str> {
        self.query.get("after").map(String::as_str)
    }

    /// As many of these as fit, each with its id.
    pub fn cut<T>(
        &self,
        mut found: impl Iterator<Item = T>,
        id: impl Fn(&T) -> &str,
        show: impl Fn(&T) -> Value,
    ) -> Page {
        let page: Vec<_> = found.by_ref().take(self.limit).collect();
        let more = found.next().is_some();
        let last = page.last().filter(|_| more);
        Page {
            next: last.map(|last| id(last).to_owned()),
            shown: page.iter().map(show).collect(),
        }
    }

    /// The answer with a page, and its links.
    pub fn answer(&self, page: Page) -> Answer {
        let mut answer = answer::json(&page.shown)?;
        let own = self.uri.path_and_query().map_or("", |both| both.as_str());
        let mut links = vec![format!("<{}{own}>; rel=\"self\"", self.origin)];
        if let Some(next) = page.next {
            let rest = self.next_query(&next);
            let path = self.uri.path();
            links.push(format!("<{}{path}?{rest}>; rel=\"next\"", self.origin));
        }
        for link in links {
            // Both are built from URLs that were header text already.
            if let Ok(value) = HeaderValue::from_str(&link) {
                answer.headers_mut().append(header::LINK, value);
            }
        }
        Ok(answer)
    }

    fn next_query(&self, after: &str) -> String {
        let mut next = url::form_urlencoded::Serializer::new(String::new());
        next.append_pair("after", after)
            .append_pair("limit", &self.limit.to_string());
        for key in ["filter", "q", "expand", "type"] {
            if let Some(value) = self.query.get(key) {
                next.append_pair(key, value);
            }
        }
        next.finish()
    }
}

/// -1 is the documented default and means the recorded one.
fn limit(given: Option<&String>) -> Result<usize, Refusal> {
    let Some(text) = given else {
        return Ok(LIMIT_DEFAULT);
    };
    match text.parse::<i64>() {
        Ok(-1) => Ok(LIMIT_DEFAULT),
        Ok(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=LIMIT_MAX).contains(limit))
            .ok_or_else(|| {
                Refusal::invalid(
                    "limit",
                    format!("limit: must be between 1 and {LIMIT_MAX}."),
                )
            }),
        Err(_) => Err(Refusal::type_mismatch("limit")),
    }
}
