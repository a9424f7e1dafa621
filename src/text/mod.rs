//! Texts from outside, as people may see them: keys, values, file names, arguments, and what servers say.
//!
//! A terminal obeys what it is sent: an escape sequence in a name clears the screen, a line break forges a line, a
//! direction override turns a word round. So every character that is not plainly seen is shown by its code
//! ([`line()`], [`value`]), or taken out of what somebody else says ([`presentable`]). Whoever makes lines for people
//! makes each with [`Page::line`] or [`line()`]; `cli::output` prints nothing else.
//!
//! What an org says may hold what it was sent, so that it is a type of its own, [`Told`], which shows itself without
//! the secrets of that org ([`Veil`]).

mod page;
mod redact;
mod seen;
pub(crate) mod unseen;
mod veil;
mod withheld;

pub use page::{Guard, Page, Syntax};
pub use seen::{is_seen, is_word, line, plain, presentable, value};
pub use veil::{Told, Veil, one_of, unknown_value};
pub use withheld::{without_values, without_values_in_path};
