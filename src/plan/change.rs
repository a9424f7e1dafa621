//! A change as programs and people get it.

use std::fmt;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::features::Difference;
use super::forecast::Change;

/// What plans call a three-legged connection's consent.
const CONSENT: &str = "connection.consent";

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Field(Difference { path, live, wanted }) => {
                map.serialize_entry("field", path)?;
                map.serialize_entry("live", live)?;
                map.serialize_entry("wanted", wanted)?;
            }
            Self::Unseen { field, wanted } => {
                map.serialize_entry("field", field)?;
                map.serialize_entry("wanted", wanted)?;
            }
            Self::Renewed => {
                map.serialize_entry("field", CONSENT)?;
                map.serialize_entry("wanted", "renewed")?;
            }
            Self::Secret { field, secret } => {
                map.serialize_entry("field", field)?;
                map.serialize_entry("secret", secret.name())?;
            }
        }
        map.end()
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(difference) => difference.fmt(f),
            Self::Unseen { field, wanted } => write!(f, "{field}: not shown yet → {wanted}"),
            Self::Renewed => write!(f, "{CONSENT}: given → asked for anew"),
            Self::Secret { field, secret } => write!(f, "{field}: (secret, {})", secret.name()),
        }
    }
}
