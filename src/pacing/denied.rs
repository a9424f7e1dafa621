//! Why a call may not go now, and until when.

use std::fmt;
use std::time::Duration;

/// Why a call may not go now.
#[derive(Debug)]
pub(super) struct Denied {
    /// When it makes sense to ask again; `None` = when something of the org changes.
    pub(super) until: Option<Duration>,
    /// Until when people are told that calls wait: one may go before that.
    pub(super) lasts: Option<Duration>,
    pub(super) why: Why,
}

/// What is waited for, as people are told.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Why {
    /// Calls before it have to go or end first.
    Others,
    /// The bucket's window is used up: what is left for us, and of how many, if known; and the calls a second that
    /// are kept free for others who were seen to spend from it.
    Budget {
        bucket: String,
        left: Option<(u64, u64)>,
        others: Option<f64>,
    },
    /// The org does not answer.
    Circuit,
    /// It takes on no call at all.
    Concurrency,
    /// `maxRps`.
    Rate,
    /// So many entries wait for their next try, and no other is ready.
    Retries(usize),
    /// Every read that is under way waits for its next try; what the last one to fail died of.
    NextTry(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Others => f.write_str("calls before it"),
            Self::Budget {
                bucket,
                left,
                others,
            } => {
                write!(f, "budget of {bucket}: ")?;
                match left {
                    Some((left, of)) => write!(f, "{left} of {of} left")?,
                    None => f.write_str("used up")?,
                }
                match others {
                    Some(pace) => write!(f, ", {pace:.1} calls/s left to others"),
                    None => Ok(()),
                }
            }
            Self::Circuit => f.write_str("the org does not answer; trying it again soon"),
            Self::Concurrency => f.write_str("the org takes on no more calls at once"),
            Self::Rate => f.write_str("maxRps"),
            Self::Retries(1) => f.write_str("the next try of 1 entry"),
            Self::NextTry(cause) => write!(f, "the next try: {cause}"),
            Self::Retries(entries) => write!(f, "the next try of {entries} entries"),
        }
    }
}

impl Denied {
    /// Others have to finish first.
    pub(super) const fn behind_others() -> Self {
        Self {
            until: None,
            lasts: None,
            why: Why::Others,
        }
    }

    /// Nothing to be had before then.
    pub(super) const fn until(until: Duration, why: Why) -> Self {
        Self {
            until: Some(until),
            lasts: Some(until),
            why,
        }
    }
}
