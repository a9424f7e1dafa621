//! `[notify]` of a job: who is notified, of what, and how.

use toml::de::DeValue;

use super::tree::{Table, Wrong, string, suggestion};
use crate::manifest::SecretRef;

/// Who is notified of a run, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The webhook's URL, which is a secret.
    pub webhook: PlacedSecret,
    /// The key that signs notices.
    pub secret: Option<PlacedSecret>,
    /// How a notice is written.
    pub format: NoticeFormat,
    /// The kinds that are sent.
    pub on: Vec<NoticeKind>,
}

/// A secret, and where it stands in the job file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedSecret {
    /// The key that it is the value of, as messages name it.
    pub field: &'static str,
    /// What is to be read.
    pub reference: SecretRef,
    /// Line and column, both from 1.
    pub place: (u64, u64),
}

/// How a notice is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoticeFormat {
    /// An object with `type`, `timestamp` and `data`.
    #[default]
    Json,
    /// `{"text": …}`, as incoming webhooks of Slack take it.
    Slack,
}

impl NoticeFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Json, Self::Slack];

    /// Its name in job files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
        }
    }
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// `run` or `resume` came to its end.
    RunFinished,
    /// A signal, or a ledger that takes no more, ended it before.
    RunInterrupted,
    /// Entries of an org wait for a person.
    ConsentNeeded,
    /// An org was stopped.
    OrgStopped,
    /// Too many entries of a wave failed.
    WaveHalted,
    /// A wave begins only when a person lets it.
    WaveAwaitingApproval,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::RunFinished,
        Self::RunInterrupted,
        Self::ConsentNeeded,
        Self::OrgStopped,
        Self::WaveHalted,
        Self::WaveAwaitingApproval,
    ];

    /// Its name in job files and as the `type` of a notice.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunFinished => "run.finished",
            Self::RunInterrupted => "run.interrupted",
            Self::ConsentNeeded => "consent.needed",
            Self::OrgStopped => "org.stopped",
            Self::WaveHalted => "wave.halted",
            Self::WaveAwaitingApproval => "wave.awaitingApproval",
        }
    }
}

/// Reads the section.
pub(super) fn read(mut table: Table<'_, '_>) -> Option<Notify> {
    let webhook = secret(
        &mut table,
        Key {
            name: "webhook",
            field: "notify.webhook",
            is_required: true,
            hint: "put the URL into a variable: `env:ROLLOUT_WEBHOOK`",
        },
    );
    let secret = secret(
        &mut table,
        Key {
            name: "secret",
            field: "notify.secret",
            is_required: false,
            hint: "put it into a variable: `env:ROLLOUT_WEBHOOK_SECRET`",
        },
    );
    let format = table.get("format", |value| {
        named(
            value,
            &NoticeFormat::ALL,
            NoticeFormat::name,
            "format of notices",
        )
    });
    let none = || {
        Err(Wrong::new("names no kind of notice")
            .hint("leave `on` out to be notified of every kind, or `[notify]` of none"))
    };
    let on = table.list("on", ("a list of kinds of notices", none), |value| {
        named(value, &NoticeKind::ALL, NoticeKind::name, "kind of notice")
    });
    table.finish();
    Some(Notify {
        webhook: webhook?,
        secret,
        format: format.unwrap_or_default(),
        on: on.unwrap_or_else(|| NoticeKind::ALL.to_vec()),
    })
}

/// A key whose value is a reference to a secret.
#[derive(Clone, Copy)]
struct Key {
    name: &'static str,
    field: &'static str,
    is_required: bool,
    hint: &'static str,
}

fn secret(table: &mut Table<'_, '_>, key: Key) -> Option<PlacedSecret> {
    let Key {
        name,
        field,
        is_required,
        hint,
    } = key;
    let read = |value: &DeValue<'_>| {
        // The text itself is not repeated: it may be the secret.
        SecretRef::parse(&string(value)?).map_err(|error| Wrong::new(error.to_string()).hint(hint))
    };
    let reference = if is_required {
        table.require(name, read)
    } else {
        table.get(name, read)
    };
    Some(PlacedSecret {
        field,
        reference: reference?,
        place: table.place_of(name)?,
    })
}

/// The one of these that has the name.
fn named<T: Copy, const N: usize>(
    value: &DeValue<'_>,
    all: &[T; N],
    name_of: fn(T) -> &'static str,
    what: &str,
) -> Result<T, Wrong> {
    let name = string(value)?;
    let found = all.iter().find(|one| name_of(**one) == name);
    found.copied().ok_or_else(|| {
        Wrong::new(format!("unknown {what} `{name}`")).hint(suggestion(&name, &all.map(name_of)))
    })
}
