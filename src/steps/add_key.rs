//! `add_key`: the new key is registered with the service app in the hub beside the one in use, so that the connection can
//! sign with either. A PUT replaces all of a client: nothing that it has is lost, but for keys of the same app that an
//! earlier rotation let stay. One that reads the keys of its connection where that shows them gets the one in use with it;
//! one that reads others, or whose keys are not known, would be shut out.

use serde_json::Value;

use super::{Context, Outcome, StepError};
use crate::ledger::RotatedKeys;
use crate::okta::clients::{ClientKeys, ServiceClient};

/// Keys that a client has at most (API.md §6).
const MOST_KEYS: usize = 50;

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let (rotation, kid) = (context.rotation()?, context.new_kid()?);
    let client = context.whole_client().await?;
    if client.has_key(&kid) {
        return Ok(Outcome::Done { changed: true });
    }
    let reads = reads(&client.client, &context.jwks_uri()?)?;
    let keys = with_new(client.keys(), reads, &rotation);
    if keys.len() > MOST_KEYS {
        let id = &client.client.id;
        return Err(StepError::failed(
            format!("service app {id} has {MOST_KEYS} keys already, and Okta takes no more"),
            "remove those that nobody signs with in the hub's Admin Console",
        ));
    }
    context.register(&client, &keys).await?;
    Ok(Outcome::Done { changed: true })
}

/// Where a client has the key from that the connection signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// It was registered with it.
    Registered,
    /// It reads it where the connection shows its keys, and will not do so any more.
    OfConnection,
}

/// Where the client has its keys from; `own_uri`: where the connection shows its own.
fn reads(client: &ServiceClient, own_uri: &str) -> Result<Reads, StepError> {
    let id = &client.id;
    match &client.keys {
        ClientKeys::Registered => Ok(Reads::Registered),
        ClientKeys::At(uri) if uri.raw() == own_uri => Ok(Reads::OfConnection),
        ClientKeys::At(uri) => Err(StepError::failed(
            format!(
                "service app {id} reads its keys at {uri}, and this connection shows its own elsewhere: no key was registered with it"
            ),
            "if it is this connection's service app, make it so first: okta-rollout run FILE",
        )),
        ClientKeys::NotShown => Err(StepError::failed(
            format!(
                "Okta does not show the keys of service app {id}: no key was registered with it"
            ),
            "look at the service app's Public keys in the hub's Admin Console",
        )),
    }
}

/// The keys of a client with the new one.
fn with_new(mut keys: Vec<Value>, reads: Reads, rotation: &RotatedKeys) -> Vec<Value> {
    let old = rotation.old_kid();
    if reads == Reads::OfConnection && !keys.iter().any(|key| key["kid"] == old) {
        keys.push(rotation.old.clone());
    }
    let left_over = |key: &Value| {
        let kid = key["kid"].as_str().unwrap_or_default();
        kid != old && rotation.before.iter().any(|before| before == kid)
    };
    keys.retain(|key| !left_over(key));
    keys.extend(rotation.new.clone());
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_new_key_stands_beside_the_one_in_use_and_those_of_others() {
        let key = |kid: &str| json!({ "kid": kid });
        let rotation = RotatedKeys {
            before: vec!["first".to_owned(), "old".to_owned()],
            old: key("old"),
            new: Some(key("new")),
        };
        let (registered, read) = (Reads::Registered, Reads::OfConnection);
        for (had, reads, wanted) in [
            (&[][..], read, &["old", "new"][..]),
            (&["old"], read, &["old", "new"]),
            (&["theirs"], read, &["theirs", "old", "new"]),
            (&["old"], registered, &["old", "new"]),
            (&["first", "old"], registered, &["old", "new"]),
            (&["theirs", "old"], registered, &["theirs", "old", "new"]),
            (&["theirs"], registered, &["theirs", "new"]),
        ] {
            let keys = with_new(had.iter().copied().map(key).collect(), reads, &rotation);
            let kids: Vec<_> = keys
                .iter()
                .map(|key| key["kid"].as_str().unwrap())
                .collect();
            assert_eq!(kids, wanted, "{had:?}");
        }
    }

    #[test]
    fn no_key_is_registered_with_a_client_that_has_its_keys_from_elsewhere() {
        const OWN: &str = "https://acme.okta.com/api/v1/apps/0oa1/connections/default/jwks";
        let client = |keys: ClientKeys| ServiceClient {
            id: "0oaC".to_owned(),
            name: "spoke".into(),
            keys,
        };
        let found = |keys: ClientKeys| match reads(&client(keys), OWN) {
            Ok(reads) => Ok(reads),
            Err(StepError::Failed { message, .. }) => Err(message),
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(found(ClientKeys::Registered), Ok(Reads::Registered));
        assert_eq!(found(ClientKeys::At(OWN.into())), Ok(Reads::OfConnection));
        for keys in [
            ClientKeys::At(
                "https://acme.okta.com/api/v1/apps/0oa2/connections/default/jwks".into(),
            ),
            ClientKeys::NotShown,
        ] {
            let message = found(keys.clone()).unwrap_err();
            assert!(
                message.ends_with("no key was registered with it"),
                "{keys:?}: {message}"
            );
        }
    }
}
