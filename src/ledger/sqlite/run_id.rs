//! Ids of runs: short enough to type, and none that reads like another.

use rand::RngExt;
use rusqlite::Connection;

use super::rows::Result;
use crate::model::RunId;

/// Letters of run ids: lower case, none that looks like another.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz";
const LETTERS_AND_DIGITS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Characters of a run id: some 700,000 ids, and one more whenever chance finds no free one.
const ID_LEN: usize = 4;

/// Tries for a free id of one length.
const ID_TRIES: usize = 8;

/// An id no run has.
pub(super) fn free(connection: &Connection) -> Result<RunId> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM run WHERE id = ?1")?;
    let mut tries = 0;
    loop {
        let id = random_id(ID_LEN + tries / ID_TRIES);
        if !statement.exists([&id])? {
            return Ok(RunId(id));
        }
        tries += 1;
    }
}

/// Begins with a letter, so that no spreadsheet takes it for a number.
fn random_id(len: usize) -> String {
    let mut rng = rand::rng();
    (0..len)
        .map(|place| {
            let letters = if place == 0 {
                LETTERS
            } else {
                LETTERS_AND_DIGITS
            };
            char::from(letters[rng.random_range(..letters.len())])
        })
        .collect()
}
