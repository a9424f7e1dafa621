//! Waves as reports show them: where each stands, and why entries have not begun because of one.

use schemars::JsonSchema;
use serde::Serialize;

use super::words::{counted, wave_called};
use crate::model::ErrorDetails;

/// One wave of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaveReport {
    /// Its name in the job.
    pub name: String,
    /// Where it stands.
    pub state: WaveState,
    /// How many orgs belong to it.
    pub orgs: u64,
    /// How many entries these have.
    pub entries: u64,
    /// Of those: failed, or of an org that was stopped.
    pub failed: u64,
    /// RFC 3339; null when it has not begun.
    pub started_at: Option<String>,
    /// RFC 3339; null when it has not ended.
    pub finished_at: Option<String>,
    /// The end of its soak, RFC 3339: set while it soaks.
    pub until: Option<String>,
    /// How many entries may fail, as the job says it.
    #[serde(skip)]
    pub may_fail: Option<String>,
}

/// Where a wave stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WaveState {
    /// It has not begun.
    Pending,
    /// Its entries are worked on.
    Running,
    /// All its entries came to rest; the next wave begins after a while.
    Soaking,
    /// It begins when a person lets it.
    AwaitingApproval,
    /// Too many of its entries failed.
    Halted,
    /// It ended.
    Done,
}

impl WaveState {
    /// How pages show it: the name of a class in their style sheets.
    pub(crate) const fn tone(self) -> &'static str {
        match self {
            Self::Halted => "bad",
            Self::Done => "good",
            Self::Soaking | Self::AwaitingApproval => "wait",
            Self::Pending | Self::Running => "muted",
        }
    }

    /// In words, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Soaking => "soaking",
            Self::AwaitingApproval => "awaiting approval",
            Self::Halted => "halted",
            Self::Done => "done",
        }
    }
}

impl WaveReport {
    /// `3 orgs, 12 entries, 1 failed`.
    pub fn counts(&self) -> String {
        format!(
            "{}, {}, {} failed",
            counted(self.orgs, "org", "orgs"),
            counted(self.entries, "entry", "entries"),
            self.failed
        )
    }

    /// `began …, ended …`, as far as it did.
    pub fn times(&self) -> String {
        let times = [
            ("began", &self.started_at),
            ("ended", &self.finished_at),
            ("soaks until", &self.until),
        ];
        let times = times
            .into_iter()
            .filter_map(|(what, at)| Some(format!("{what} {}", at.as_ref()?)));
        times.collect::<Vec<_>>().join(", ")
    }

    /// `wave canaries: done, 3 entries in 1 org, 1 failed`.
    pub fn line(&self) -> String {
        let until = self.until.as_ref();
        let until = until.map_or_else(String::new, |until| format!(" until {until}"));
        let failed = match self.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        format!(
            "{}: {}{until}, {} in {}{failed}",
            wave_called(&self.name),
            self.state.words(),
            counted(self.entries, "entry", "entries"),
            counted(self.orgs, "org", "orgs"),
        )
    }

    /// `wave canaries was halted: 3 of 10 entries failed, and 2 % may`.
    pub fn halted(&self) -> String {
        let may = self.may_fail.as_deref().unwrap_or("0");
        format!(
            "{} was halted: {} of {} failed, and {may} may",
            wave_called(&self.name),
            self.failed,
            counted(self.entries, "entry", "entries"),
        )
    }
}

/// The wave that is in this state, and its place.
pub(super) fn first(waves: &[WaveReport], state: WaveState) -> Option<(usize, &WaveReport)> {
    let mut waves = waves.iter().enumerate();
    waves.find(|(_, wave)| wave.state == state)
}

/// Why an entry of a wave has not begun, if that is because of waves: they are held by a process that waits for a soak, too,
/// but then nobody has to do anything.
pub fn not_begun(
    run: &str,
    waves: &[WaveReport],
    in_wave: usize,
    is_held: bool,
) -> Option<ErrorDetails> {
    if let Some((_, halted)) = first(waves, WaveState::Halted) {
        let hint = format!("fix what failed, then: okta-rollout resume {run} --failed");
        return Some(ErrorDetails::new(halted.halted(), Some(hint)));
    }
    let before = |(no, _): &(usize, &WaveReport)| *no <= in_wave;
    if let Some((_, wave)) = first(waves, WaveState::AwaitingApproval).filter(before) {
        let message = format!("{} waits for an approval", wave_called(&wave.name));
        let hint = format!("to let it begin: okta-rollout resume {run} --approve");
        return Some(ErrorDetails::new(message, Some(hint)));
    }
    let (soaking, wave) = first(waves, WaveState::Soaking).filter(|_| !is_held)?;
    let until = wave.until.as_deref().filter(|_| soaking < in_wave)?;
    let message = format!("{} soaks until {until}", wave_called(&wave.name));
    let hint = format!("to wait for that: okta-rollout resume {run}");
    Some(ErrorDetails::new(message, Some(hint)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::report) fn wave(name: &str, state: WaveState, failed: u64) -> WaveReport {
        WaveReport {
            name: name.to_owned(),
            state,
            orgs: 2,
            entries: 10,
            failed,
            started_at: None,
            finished_at: None,
            until: (state == WaveState::Soaking).then(|| "2026-01-02T03:04:05Z".to_owned()),
            may_fail: Some("2 %".to_owned()),
        }
    }

    #[test]
    fn an_entry_says_why_it_has_not_begun() {
        use WaveState::{AwaitingApproval, Done, Halted, Pending, Running, Soaking};
        let halted = Some("wave a was halted: 1 of 10 entries failed, and 2 % may");
        let waits = Some("wave b waits for an approval");
        let soaks = Some("wave a soaks until 2026-01-02T03:04:05Z");
        for (states, in_wave, is_held, wanted) in [
            ([Running, Pending, Pending], 1, false, None),
            ([Halted, Pending, Pending], 0, true, halted),
            ([Halted, Pending, Pending], 2, false, halted),
            ([Done, AwaitingApproval, Pending], 0, false, None),
            ([Done, AwaitingApproval, Pending], 1, false, waits),
            ([Done, AwaitingApproval, Pending], 2, true, waits),
            ([Soaking, Pending, Pending], 0, false, None),
            ([Soaking, Pending, Pending], 1, false, soaks),
            ([Soaking, Pending, Pending], 2, true, None),
        ] {
            let names = ["a", "b", "c"].into_iter().zip(states);
            let waves: Vec<_> = names.map(|(name, state)| wave(name, state, 1)).collect();
            let why = not_begun("k3f9", &waves, in_wave, is_held);
            let message = why.as_ref().map(|why| why.message.as_str());
            assert_eq!(message, wanted, "{states:?} {in_wave}");
            let has_command = |hint: &str| hint.contains("okta-rollout resume k3f9");
            assert!(why.is_none_or(|why| why.hint.is_some_and(|hint| has_command(&hint))));
        }
    }

    #[test]
    fn it_is_as_programs_know_it() {
        let wave = serde_json::to_value(wave("a", WaveState::AwaitingApproval, 0)).unwrap();
        assert_eq!(
            wave,
            serde_json::json!({ "name": "a", "state": "awaitingApproval", "orgs": 2, "entries": 10, "failed": 0,
                "startedAt": null, "finishedAt": null, "until": null })
        );
        let soaking = super::tests::wave("a", WaveState::Soaking, 3);
        let line = "wave a: soaking until 2026-01-02T03:04:05Z, 10 entries in 2 orgs, 3 failed";
        assert_eq!(soaking.line(), line);
    }
}
