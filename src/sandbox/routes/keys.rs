//! `…/credentials/keys`: the keys that an app can sign with, and more of them (API.md §6, manual key rotation).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::answer::{self, Answer, Refusal};
use super::super::org::Changed;
use super::super::signing::PublicKey;
use super::super::world::{World, now_ms};
use super::fields::when;
use crate::sandbox::caller::Caller;

/// Years for which a key can be good.
const YEARS: std::ops::RangeInclusive<i64> = 2..=10;

/// `GET /api/v1/apps/{id}/credentials/keys`.
pub(super) async fn list(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let keys = caller.org.read(&id, |app| app.keys(world.settings.seed))?;
    answer::json(&keys.iter().map(show).collect::<Vec<_>>())
}

/// `POST /api/v1/apps/{id}/credentials/keys/generate?validityYears=`.
pub(super) async fn generate(
    State(world): State<Arc<World>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let years = years(query.get("validityYears"))?;
    let seed = world.settings.seed;
    let key = caller.org.change(&id, |app| {
        let mut signing = app.signing.take().unwrap_or_default();
        let kid = signing.generate(app.owner(seed), years, now_ms());
        app.signing = Some(signing);
        let made = app.keys(seed).into_iter().find(|key| key.kid == kid);
        Ok((made, Changed::Yes))
    })?;
    let key = key.ok_or_else(Refusal::internal)?;
    answer::json_as(StatusCode::CREATED, &show(&key))
}

fn years(given: Option<&String>) -> Result<u8, Refusal> {
    let given = given.filter(|text| !text.is_empty());
    let text = given.ok_or_else(|| Refusal::missing_parameter("validityYears"))?;
    let years = text.parse::<i64>();
    let years = years.map_err(|_| Refusal::type_mismatch("validityYears"))?;
    let years = Some(years).filter(|years| YEARS.contains(years));
    years
        .and_then(|years| u8::try_from(years).ok())
        .ok_or_else(|| {
            Refusal::invalid(
                "generateKey",
                "Validity years out of range. It should be 2 - 10 years.",
            )
        })
}

/// A key as Okta shows it, without a certificate: nobody could sign one.
fn show(key: &PublicKey) -> Value {
    let made = when(key.since_ms);
    json!({
        "created": made,
        "lastUpdated": made,
        "expiresAt": when(key.ends_ms),
        "kid": key.kid,
        "kty": "RSA",
        "use": "sig",
        "e": "AQAB",
        "n": key.modulus,
    })
}
