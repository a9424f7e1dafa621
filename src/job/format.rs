//! The formats of reports.

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// See [`Format::about`].
    Text,
    /// See [`Format::about`].
    Json,
    /// See [`Format::about`].
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Text, Self::Json, Self::Csv];

    /// Its name in flags and job files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// What it is for.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Text => "For people",
            Self::Json => "One object, for programs",
            Self::Csv => {
                "The entries as a manifest, which `run` accepts again, with columns for people"
            }
        }
    }

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}
