//! Consents as people hand them in: what a text holds ([`reader`]), and whether it is for an entry that waits
//! ([`inbox`]). Pure: what is done with an answer is [`crate::rollout::consent`]'s.

pub mod inbox;
pub mod reader;
mod spot;

pub use spot::Spot;

use secrecy::SecretString;

/// What a person handed in: lives only until it is sent.
#[derive(Default)]
pub struct Answer {
    /// The third party's authorization code.
    pub code: SecretString,
    /// The `state` it belongs to.
    pub state: SecretString,
}
