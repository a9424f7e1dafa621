//! What is wrong with the settings of a sandbox, besides what their types say.

/// A value that is none of a sandbox's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The path of its key, as in `faults.rules[0].nth`.
    pub path: String,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// The edit that helps.
    pub hint: &'static str,
}
