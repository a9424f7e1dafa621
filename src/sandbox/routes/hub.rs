//! What a spoke's org answers when the hub does not let its connection in.

use super::super::answer::Refusal;
use super::super::client_keys::Spoke;
use super::super::hub::{self, Verdict};
use super::super::world::World;
use crate::sandbox::caller::Caller;

/// The cause Okta's own tests expect of a target that does not let it in (API.md §3.4).
pub(super) const NOT_AUTHORIZED: &str = "Invalid URL. Not authorized.";

/// Asks the hub, where it is simulated, whether it lets a connection in that signs in as this client.
pub(super) fn asks_hub(
    world: &World,
    caller: &Caller,
    app: &str,
    client: &str,
) -> Result<(), Refusal> {
    let spoke = Spoke {
        org: &caller.org,
        app,
        origin: Some(&caller.origin),
    };
    match hub::lets_in(world, spoke, client) {
        Verdict::LetIn | Verdict::Unknown => Ok(()),
        Verdict::Refused(lack) => {
            tracing::debug!(org = %caller.org.name, app, client, ?lack, "the hub refuses a connection");
            Err(Refusal::credential(NOT_AUTHORIZED))
        }
    }
}
