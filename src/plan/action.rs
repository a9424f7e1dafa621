//! What would be done to an entry, as programs and people get it.

use serde::{Deserialize, Serialize, Serializer};

use super::forecast::Action;

impl Action {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SetUp => "set_up",
            Self::Change => "change",
            Self::Deactivate => "deactivate",
            Self::Consent => "consent",
            Self::Nothing => "nothing",
            Self::Error => "error",
        }
    }

    /// The sign that people see.
    pub const fn sign(self) -> char {
        match self {
            Self::SetUp => '+',
            Self::Change => '~',
            Self::Deactivate => '-',
            Self::Consent => '?',
            Self::Nothing => '=',
            Self::Error => '!',
        }
    }

    /// Whether a run would do something.
    pub const fn is_change(self) -> bool {
        !matches!(self, Self::Nothing | Self::Error)
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        ACTIONS
            .into_iter()
            .find(|action| action.name() == name)
            .ok_or_else(|| serde::de::Error::custom(format!("unknown action {name:?}")))
    }
}

const ACTIONS: [Action; 6] = [
    Action::SetUp,
    Action::Change,
    Action::Deactivate,
    Action::Consent,
    Action::Nothing,
    Action::Error,
];
