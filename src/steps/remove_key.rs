//! `remove_key`: the key that the connection signed with before is taken away from the service app in the hub. Never without
//! the new one there: the connection would have no key that the hub knows.

use serde_json::Value;

use super::{Context, Outcome, StepError};
use crate::ledger::RotatedKeys;

pub(super) async fn run(context: &mut Context<'_>) -> Result<Outcome, StepError> {
    let (rotation, kid) = (context.rotation()?, context.new_kid()?);
    let client = context.whole_client().await?;
    if !client.has_key(&kid) {
        let id = &client.client.id;
        return Err(StepError::failed(
            format!(
                "key {kid}, which the connection signs with, is not with service app {id} any more: nothing was removed"
            ),
            "rotate the keys of this entry again",
        ));
    }
    let all = client.keys();
    let left = without_old(&all, &rotation);
    if left.len() < all.len() {
        context.register(&client, &left).await?;
    }
    Ok(Outcome::Done { changed: true })
}

/// Without the keys that the app had before; those of others stay.
fn without_old(keys: &[Value], rotation: &RotatedKeys) -> Vec<Value> {
    let is_old = |key: &&Value| {
        let kid = key["kid"].as_str().unwrap_or_default();
        rotation.before.iter().any(|before| before == kid)
    };
    keys.iter().filter(|key| !is_old(key)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_others_stay() {
        let key = |kid: &str| json!({ "kid": kid });
        let rotation = RotatedKeys {
            before: vec!["first".to_owned(), "old".to_owned()],
            old: key("old"),
            new: Some(key("new")),
        };
        let keys = ["old", "theirs", "new", "first"].map(key);
        let left = without_old(&keys, &rotation);
        assert_eq!(left, [key("theirs"), key("new")]);
    }
}
