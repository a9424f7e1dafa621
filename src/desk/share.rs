//! A link for one org: whoever has it sees that org's consents and hands in their answers, until it ends or is taken back.
//! It says itself what it is good for, signed with a key beside the ledger, so that it outlives the process.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::keys::mac;
use crate::ledger::{HmacKey, Ledger, LedgerError};
use crate::model::UnixMillis;

/// Where links for one org are.
pub(super) const PATH: &str = "/share/";

/// The longest that a link is good for: a rollout takes no longer.
const LONGEST: Duration = Duration::from_hours(24 * 90);

/// The longest that a link is, in bytes.
const LONGEST_TEXT: usize = 2_048;

/// What a link is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    /// The org's URL as the ledger has it.
    pub org: String,
    /// Of which generation it is: clocks are set, and a revocation may come in the same moment.
    generation: u64,
    /// When it ends.
    pub ends: UnixMillis,
}

/// Why a link is good for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadShare {
    /// Nobody made it, or somebody changed it.
    Unknown,
    /// It has ended.
    Ended,
    /// It was taken back.
    TakenBack,
    /// What it is of cannot be read.
    NotNow,
}

impl Share {
    /// A link for an org of this ledger that is good for so long from now on.
    ///
    /// # Errors
    /// When it cannot be read which links were taken back.
    pub async fn new(
        ledger: &Ledger,
        org: String,
        (now, expires): (UnixMillis, Duration),
    ) -> Result<Self, LedgerError> {
        Ok(Self {
            generation: ledger.share_generation(&org).await?,
            org,
            ends: now.after(expires.min(LONGEST)),
        })
    }

    /// Its path on the desk.
    ///
    /// # Errors
    /// When the ledger's key cannot be had.
    pub async fn path(&self, ledger: &Ledger) -> Result<String, LedgerError> {
        Ok(format!("{PATH}{}", self.text(&ledger.share_key().await?)))
    }

    fn text(&self, key: &HmacKey) -> String {
        // It is a text and two numbers.
        let says = serde_json::to_vec(self).unwrap_or_default();
        let says = URL_SAFE_NO_PAD.encode(says);
        let signature = URL_SAFE_NO_PAD.encode(signature(key, &says));
        format!("{says}.{signature}")
    }

    /// What a link says, if this ledger's key signed it; `None` = another one's did, or nobody's.
    fn read(text: &str, key: &HmacKey) -> Option<Result<Self, BadShare>> {
        let (says, signed) = text
            .split_once('.')
            .filter(|_| text.len() <= LONGEST_TEXT)?;
        let signed = URL_SAFE_NO_PAD.decode(signed).ok()?;
        // Of digests of both nobody learns by how long it takes to compare them.
        let compared = |bytes: &[u8]| mac(b"compared", &[&hex::encode(bytes)]);
        if compared(&signed) != compared(&signature(key, says)) {
            return None;
        }
        let says = URL_SAFE_NO_PAD.decode(says).ok();
        let share = says.and_then(|says| serde_json::from_slice(&says).ok());
        // Earlier versions made it.
        Some(share.ok_or(BadShare::Ended))
    }
}

fn signature(key: &HmacKey, says: &str) -> [u8; 32] {
    mac(key.secret().expose_secret(), &["okta-rollout share", says])
}

/// What a link is good for now, and in which of these ledgers. Nothing is made for it: no key, if none was made.
pub(super) async fn open(
    text: &str,
    ledgers: &[Ledger],
    now: UnixMillis,
) -> Result<(Ledger, Share), BadShare> {
    let mut bad = BadShare::Unknown;
    for ledger in ledgers {
        match open_in(ledger, text, now).await {
            Ok(Some(opened)) => return opened.map(|share| (ledger.clone(), share)),
            Ok(None) => {}
            Err(why) => {
                tracing::warn!(%why, "a shared link cannot be looked up in a ledger");
                bad = BadShare::NotNow;
            }
        }
    }
    Err(bad)
}

/// `None` = it is of another one.
async fn open_in(
    ledger: &Ledger,
    text: &str,
    now: UnixMillis,
) -> Result<Option<Result<Share, BadShare>>, LedgerError> {
    let Some(key) = ledger.made_share_key().await? else {
        return Ok(None);
    };
    let Some(share) = Share::read(text, &key) else {
        return Ok(None);
    };
    Ok(Some(match share {
        Ok(share) if share.ends <= now => Err(BadShare::Ended),
        Ok(share) if share.generation != ledger.share_generation(&share.org).await? => {
            Err(BadShare::TakenBack)
        }
        known => known,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::LedgerUrl;
    use crate::ledger::OpenMode;

    async fn ledger(folder: &std::path::Path, name: &str) -> Ledger {
        let url = LedgerUrl::file(folder.join(name));
        Ledger::open(&url, OpenMode::ReadWrite).await.unwrap()
    }

    #[tokio::test]
    async fn a_link_is_good_for_what_it_says_until_it_ends_or_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let ledgers = [
            ledger(folder.path(), "a.db").await,
            ledger(folder.path(), "b.db").await,
        ];
        let now = UnixMillis(1_000_000);
        let make = async |at, expires| {
            let org = "https://acme.okta.com".to_owned();
            Share::new(&ledgers[1], org, (at, expires)).await.unwrap()
        };
        let share = make(now, Duration::from_mins(1)).await;
        let path = share.path(&ledgers[1]).await.unwrap();
        let text = path.strip_prefix(PATH).unwrap();
        let (at, opened) = open(text, &ledgers, now).await.unwrap();
        assert_eq!((at.url(), &opened), (ledgers[1].url(), &share));
        // Made again after a restart it is the same.
        let again = [ledger(folder.path(), "b.db").await];
        assert_eq!(open(text, &again, now).await.unwrap().1, share);
        let bad = async |text: &str, now| open(text, &ledgers, now).await.err();
        assert_eq!(bad(text, share.ends).await, Some(BadShare::Ended));
        for at in 0..text.len() {
            let mut altered = text.as_bytes().to_vec();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            // The last bits of base64 may say nothing.
            if open(&altered, &ledgers, now).await.is_ok() {
                assert_eq!(at, text.len() - 1, "{altered}");
            }
        }
        for nothing in ["", ".", "a.b", &"x".repeat(10_000)] {
            assert_eq!(
                bad(nothing, now).await,
                Some(BadShare::Unknown),
                "{nothing:.20}"
            );
        }
        // Nothing was made for whoever asked; and a key that is none hides no other.
        let key = folder.path().join("a.db.share");
        assert!(!key.exists());
        std::fs::write(&key, "no key").unwrap();
        assert_eq!(bad(text, now).await, None);
        assert_eq!(bad("a.b", now).await, Some(BadShare::NotNow));
        std::fs::remove_file(&key).unwrap();
        let take_back = async |org: &str| again[0].take_back_shares(org).await.unwrap();
        take_back("https://globex.okta.com").await;
        assert_eq!(bad(text, now).await, None);
        // Made by a clock that was ahead it is taken back, too.
        let ahead = make(now.after(Duration::from_hours(1)), Duration::from_mins(1)).await;
        let ahead = ahead.path(&ledgers[1]).await.unwrap();
        let ahead = ahead.strip_prefix(PATH).unwrap();
        take_back("https://acme.okta.com").await;
        for text in [text, ahead] {
            assert_eq!(bad(text, now).await, Some(BadShare::TakenBack));
        }
        // One that is made in the same moment, but after that, is good; and so is one of a clock that was set back.
        for at in [now, UnixMillis(1)] {
            let later = make(at, LONGEST * 2).await;
            assert!(later.ends < at.after(LONGEST * 2));
            let path = later.path(&ledgers[1]).await.unwrap();
            assert_eq!(bad(path.strip_prefix(PATH).unwrap(), now).await, None);
        }
    }

    #[tokio::test]
    async fn a_link_of_an_earlier_version_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path(), "a.db").await;
        let now = UnixMillis(1_000_000);
        let says =
            serde_json::json!({ "org": "https://acme.okta.com", "made": 1, "ends": 9_999_999 });
        let says = URL_SAFE_NO_PAD.encode(says.to_string());
        let signed = signature(&ledger.share_key().await.unwrap(), &says);
        let text = format!("{says}.{}", URL_SAFE_NO_PAD.encode(signed));
        let opened = open(&text, &[ledger], now).await;
        assert_eq!(opened.err(), Some(BadShare::Ended));
    }
}
