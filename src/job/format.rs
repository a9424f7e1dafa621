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
    /// See [`Format::about`].
    Junit,
    /// See [`Format::about`].
    Markdown,
    /// See [`Format::about`].
    Html,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Json,
        Self::Csv,
        Self::Junit,
        Self::Markdown,
        Self::Html,
    ];

    /// Its name in flags and job files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
            Self::Html => "html",
        }
    }

    /// What it is for.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Text => "For people",
            Self::Json => "One object, for programs (`okta-rollout schema --report`)",
            Self::Csv => {
                "The entries as a manifest, which `run` accepts again, with columns for people"
            }
            Self::Junit => "JUnit XML, for CI servers: a suite per org, a case per entry",
            Self::Markdown => "For a CI step's summary or a chat: what needs a person, in full",
            Self::Html => "One page, for a browser: failures, budgets over time, every entry",
        }
    }

    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}
