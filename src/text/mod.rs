//! Texts from outside, as people may see them: keys, values, file names, arguments, and what servers say.
//!
//! A terminal obeys what it is sent: an escape sequence in a name clears the screen, a line break forges a line, a
//! direction override turns a word round. So every character that is not plainly seen is shown by its code
//! ([`line()`], [`value`]), or taken out of what somebody else says ([`presentable`]). Whoever makes lines for people
//! makes each with [`Page::line`] or [`line()`]; `cli::output` prints nothing else.

mod page;
mod seen;
pub(crate) mod unseen;

pub use page::{Guard, Page, Syntax};
pub(crate) use seen::{bounded, one_line};
pub use seen::{is_seen, line, presentable, value};
