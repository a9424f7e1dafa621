//! `add_key`: the new key is registered with the service app in the hub beside the one in use, so that the connection can
//! sign with either. A PUT replaces all of a client: nothing that it has is lost, but for keys of the same app that an
//! earlier rotation let stay.

use serde_json::Value;

use super::{Context, Outcome, StepError};
use crate::ledger::RotatedKeys;

/// Keys that a client has at most (API.md §6).
const MOST_KEYS: usize = 50;

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let (rotation, kid) = (context.rotation()?, context.new_kid()?);
    let client = context.whole_client().await?;
    if client.has_key(&kid) {
        return Ok(Outcome::Done { changed: true });
    }
    let keys = with_new(client.keys(), &rotation);
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

/// The keys of a client with the new one. One that read them at an address until now gets the one in use with it.
fn with_new(mut keys: Vec<Value>, rotation: &RotatedKeys) -> Vec<Value> {
    if keys.is_empty() {
        keys.push(rotation.old.clone());
    }
    let left_over = |key: &Value| {
        let kid = key["kid"].as_str().unwrap_or_default();
        kid != rotation.old_kid() && rotation.before.iter().any(|before| before == kid)
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
        for (had, wanted) in [
            (&[][..], &["old", "new"][..]),
            (&["old"], &["old", "new"]),
            (&["first", "old"], &["old", "new"]),
            (&["theirs", "old"], &["theirs", "old", "new"]),
            (&["theirs"], &["theirs", "new"]),
        ] {
            let keys = with_new(had.iter().copied().map(key).collect(), &rotation);
            let kids: Vec<_> = keys
                .iter()
                .map(|key| key["kid"].as_str().unwrap())
                .collect();
            assert_eq!(kids, wanted, "{had:?}");
        }
    }
}
