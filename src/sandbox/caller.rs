//! Whose request it is.

use std::sync::Arc;

use super::org::Org;

/// Whose request it is; handlers take it as an extension.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub org: Arc<Org>,
    /// `http://` and the `Host` the client used.
    pub origin: Arc<str>,
}
