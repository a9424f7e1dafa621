//! What an org's entries need of a service app's token.

use serde::Serialize;

use super::decide::Obstacle;

/// Scopes that an org's entries need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scopes {
    /// All of them.
    pub needed: Vec<&'static str>,
    /// Those that its token does not have.
    pub missing: Vec<&'static str>,
    /// What is to be done about these.
    #[serde(skip)]
    pub lack: Option<Obstacle>,
}
