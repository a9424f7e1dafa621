//! Ids of runs: short enough to type, and none that reads like another.

use rand::RngExt;

use crate::model::RunId;

/// Letters of run ids: lower case, none that looks like another.
const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz";
const LETTERS_AND_DIGITS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Characters of a run id: some 700,000 ids, and one more whenever chance finds no free one.
const ID_LEN: usize = 4;

/// Tries for a free id of one length.
const ID_TRIES: usize = 8;

/// The id to try after so many that were taken.
pub(super) fn candidate(taken: usize) -> RunId {
    RunId(random_id(ID_LEN + taken / ID_TRIES))
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
