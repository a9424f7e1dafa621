//! What is wrong with ledgers, as those are told whose ledgers they are: one beside what the others hold, or instead of a page
//! that is about that one.

use axum::http::StatusCode;
use axum::response::Response;

use super::pages::{Around, Note, Tab, error};
use super::shelves::Fault;
use super::site::Site;
use crate::failure::Failure;
use crate::job::LedgerUrl;
use crate::ledger::LedgerError;

impl Site {
    /// To stand beside what the others hold. They are opened anew the next time.
    pub(super) async fn told_of(&self, faults: Vec<Fault>) -> Vec<Note> {
        let mut notes = Vec::new();
        for Fault { ledger, why } in faults {
            let note = self.note_of(Some(&ledger), why);
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        if !notes.is_empty() {
            self.shelves.close_broken().await;
        }
        notes
    }

    /// Instead of a page: a ledger cannot be read, or has no such run. It is opened anew the next time.
    pub(super) async fn unreadable(&self, around: &Around, tab: Tab, why: LedgerError) -> Response {
        let status = match why {
            LedgerError::NotFound { .. } | LedgerError::Ambiguous { .. } => StatusCode::NOT_FOUND,
            _ => {
                self.shelves.close_broken().await;
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        error(status, around, tab, self.note_of(None, why))
    }

    fn note_of(&self, ledger: Option<&LedgerUrl>, why: LedgerError) -> Note {
        let failure = Failure::from(why);
        let hint = failure.hint.as_deref();
        let hint = hint.map(|hint| (self.complete)(ledger, hint));
        Note::bad(failure.to_string(), hint)
    }
}
