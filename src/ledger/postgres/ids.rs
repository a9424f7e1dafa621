//! Numbers of orgs and entries, and times, as columns: whole numbers.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::ledger::{EntryKey, LastApplied};
use crate::model::{EntryNo, OrgNo, UnixMillis};

type Result<T> = std::result::Result<T, Box<dyn Error + Sync + Send>>;

macro_rules! as_bigint {
    ($($name:ident),*) => {
        $(
            impl<'a> FromSql<'a> for $name {
                fn from_sql(of: &Type, raw: &'a [u8]) -> Result<Self> {
                    i64::from_sql(of, raw).map(Self)
                }

                fn accepts(of: &Type) -> bool {
                    <i64 as FromSql>::accepts(of)
                }
            }

            impl ToSql for $name {
                fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull> {
                    self.0.to_sql(of, out)
                }

                fn accepts(of: &Type) -> bool {
                    <i64 as ToSql>::accepts(of)
                }

                to_sql_checked!();
            }
        )*
    };
}

as_bigint!(EntryNo, OrgNo, UnixMillis, EntryKey);

impl LastApplied {
    /// What is stored so; `None` = of another version.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [] => Some(Self::Unclear),
            _ => bytes.try_into().ok().map(Self::Digest),
        }
    }
}
