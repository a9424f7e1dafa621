//! Which entry an answer is for, as far as the ledger can tell: of several readings the one that somebody
//! waits for, and of an answer that nobody waits for the reason. Sends nothing.

use std::collections::{HashMap, HashSet};

use secrecy::{ExposeSecret as _, SecretString};

use super::whose;
use crate::consent::Spot;
use crate::consent::inbox::{Refusal, SubmittedAnswer};
use crate::consent::reader::{Reading, Sighting, What};
use crate::ledger::{ConsentState, Ledger, LedgerError};
use crate::model::EntryState;

/// For so many answers that nobody waits for the app's entry is looked up.
const EXPLAINED: usize = 100;

/// Where an answer stands in what was handed in: the same for every ledger that it is looked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighted {
    /// The line it begins in, from 1.
    pub line: usize,
    /// Its place among all that was found.
    pub place: usize,
}

/// What became of a sighting.
pub(super) enum Matched {
    /// To be handed in, if it is exactly what its entry waits for.
    Answer(SubmittedAnswer),
    /// Not to be.
    Unsent {
        refusal: Refusal,
        whose: Option<String>,
    },
}

/// Every answer of a reading once, with where it stands.
pub(super) async fn of(
    ledger: &Ledger,
    reading: Reading,
) -> Result<Vec<(Sighted, Matched)>, LedgerError> {
    let mut matching = Matching {
        ledger,
        found: Vec::new(),
        unknown: Vec::new(),
        answered: HashSet::new(),
        by_spot: HashMap::new(),
        explained: 0,
    };
    let all = reading.answers.len();
    let sighted = reading.answers.into_iter().enumerate();
    let sighted = sighted.map(|(place, Sighting { line, what })| (Sighted { line, place }, what));
    let (answers, refusals): (Vec<_>, Vec<_>) =
        sighted.partition(|(_, what)| matches!(what, What::Answer(_)));
    for (at, what) in answers {
        if let What::Answer(readings) = what {
            matching.answer(at, readings).await?;
        }
    }
    for (at, answer) in std::mem::take(&mut matching.unknown) {
        matching.explain(at, &answer).await?;
    }
    for (at, what) in refusals {
        if let What::Refused {
            refusal,
            state,
            spot,
        } = what
        {
            matching.refused(at, refusal, state, spot).await?;
        }
    }
    let mut found = matching.found;
    if found.is_empty() {
        // Beside an answer they are what the mail before it said.
        if let Some(link) = reading.to_open.into_iter().next() {
            let waits = match link.state {
                Some(state) => ledger.waits_for(state.expose_secret()).await?,
                None => None,
            };
            let (refusal, whose) = (Refusal::ToOpen, waits.as_ref().map(whose));
            let (line, place) = (link.line, all);
            found.push((Sighted { line, place }, Matched::Unsent { refusal, whose }));
        }
    }
    found.sort_by_key(|(at, _)| *at);
    Ok(found)
}

/// Whether an answer is for the org with this URL, if only one will do.
pub(super) async fn is_of(
    ledger: &Ledger,
    answer: &SubmittedAnswer,
    only: Option<&str>,
) -> Result<bool, LedgerError> {
    let Some(url) = only else { return Ok(true) };
    Ok(
        match ledger.waits_for(answer.state().expose_secret()).await? {
            Some(pending) => pending.org.url == url,
            None => answer.key().is_some_and(|key| key.org_url == url),
        },
    )
}

struct Matching<'a> {
    ledger: &'a Ledger,
    found: Vec<(Sighted, Matched)>,
    /// What nobody waits for.
    unknown: Vec<(Sighted, SubmittedAnswer)>,
    /// What was found: secrets in clear, and gone with this.
    answered: HashSet<[String; 4]>,
    /// The same of what somebody waits for.
    by_spot: HashMap<Spot, Vec<[String; 4]>>,
    explained: usize,
}

impl Matching<'_> {
    async fn answer(
        &mut self,
        at: Sighted,
        readings: Vec<SubmittedAnswer>,
    ) -> Result<(), LedgerError> {
        let mut known = None;
        for (rank, answer) in readings.iter().enumerate() {
            if let Some(key) = answer.key()
                && self.ledger.consent(&key).await? != ConsentState::Unknown
            {
                known = Some(rank);
                break;
            }
            // Somewhere else: that is told, unless another reading is right.
            let state = answer.state().expose_secret();
            if known.is_none() && self.ledger.waits_for(state).await?.is_some() {
                known = Some(rank);
            }
        }
        let Some(answer) = readings.into_iter().nth(known.unwrap_or(0)) else {
            return Ok(());
        };
        let is_ours = known.is_some() || answer.is_callback() || answer.is_page();
        let parts = answer.parts();
        if !is_ours || !self.answered.insert(parts.clone()) {
            return Ok(());
        }
        if answer.is_page() {
            self.unsent(at, Refusal::PageAddress, answer.spot().to_string());
        } else if known.is_some() {
            self.by_spot.entry(answer.spot()).or_default().push(parts);
            self.found.push((at, Matched::Answer(answer)));
        } else {
            self.unknown.push((at, answer));
        }
        Ok(())
    }

    fn unsent(&mut self, at: Sighted, refusal: Refusal, whose: impl Into<Option<String>>) {
        let whose = whose.into();
        self.found.push((at, Matched::Unsent { refusal, whose }));
    }

    // Nobody waits for it.
    async fn explain(&mut self, at: Sighted, answer: &SubmittedAnswer) -> Result<(), LedgerError> {
        let spot = answer.spot();
        // A mail has its text twice, and one of them may be cut short.
        let parts = answer.parts();
        let is_remnant = |whole: &[String; 4]| {
            (whole[2] == parts[2] && whole[3].starts_with(&parts[3]))
                || (whole[3] == parts[3] && whole[2].starts_with(&parts[2]))
        };
        if self
            .by_spot
            .get(&spot)
            .is_some_and(|all| all.iter().any(is_remnant))
        {
            return Ok(());
        }
        let mut refusal = Refusal::UnknownState;
        let mut named = spot.to_string();
        if let Some((app, id)) = spot.app
            && self.explained < EXPLAINED
        {
            self.explained += 1;
            let entry = self.ledger.newest_of_app(answer.origin(), app, &id).await?;
            if let Some(entry) = entry {
                named = whose(&entry);
                refusal = match entry.entry.state {
                    EntryState::Waiting => refusal,
                    EntryState::Done => Refusal::NotWaiting("it is done"),
                    EntryState::Failed => Refusal::NotWaiting("it failed"),
                    EntryState::Pending | EntryState::Started => {
                        Refusal::NotWaiting("it has no link yet, or asks for another one")
                    }
                };
            }
        }
        self.unsent(at, refusal, named);
        Ok(())
    }

    async fn refused(
        &mut self,
        at: Sighted,
        refusal: Refusal,
        state: Option<SecretString>,
        spot: Option<Spot>,
    ) -> Result<(), LedgerError> {
        // Of what is cut short the whole is there, too.
        let is_remnant = matches!(refusal, Refusal::Incomplete(_))
            && spot
                .as_ref()
                .is_some_and(|spot| self.by_spot.contains_key(spot));
        if is_remnant {
            return Ok(());
        }
        let mut named = spot.map(|spot| spot.to_string());
        if let Some(state) = state
            && let Some(entry) = self.ledger.waits_for(state.expose_secret()).await?
        {
            named = Some(whose(&entry));
        }
        self.unsent(at, refusal, named);
        Ok(())
    }
}
