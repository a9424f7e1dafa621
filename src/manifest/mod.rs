//! Reading manifests.

mod entry;
mod org;
mod secret;

pub use entry::*;
pub use org::*;
pub use secret::SecretRef;
