//! A person pastes answers at a terminal.
//!
//! A terminal hands lines to a program only when they are whole, and cuts them off after 4,095 bytes: an answer
//! in one line can be longer. So it is told to hand over what comes as it comes, and not to show it: codes
//! stay out of the window's history as they stay out of the shell's. It is left as it was found.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use super::Output;
use crate::cli::signals::{InCharge, Listener};
use crate::consent::reader::MAX_INPUT;
use crate::failure::{Failure, Kind};

/// After so long it is looked whether the command was stopped.
const LOOK: Duration = Duration::from_millis(200);

/// Ctrl-D; NUL is what the terminal made of one that was typed before it was told.
const ENDS: [u8; 2] = [0x04, 0];

/// Ctrl-C.
const INTERRUPT: u8 = 0x03;

/// Bytes that are read at once.
const CHUNK: usize = 4096;

/// Asks for answers, and gives what was pasted.
pub(super) async fn read(output: Output) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let _in_charge = InCharge::take();
    let raw = Raw::switch_on()
        .context("the terminal cannot be read")
        .map_err(Failure::usage)?;
    output.detail("what Okta's pages showed: paste, then Ctrl-D (what you paste is not shown)");
    let mut signals = Listener::new()?;
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let mut reading = tokio::task::spawn_blocking(move || read_until_end(&seen));
    let read = tokio::select! {
        read = &mut reading => read,
        kind = signals.next() => {
            stop.store(true, Ordering::Relaxed);
            drop(reading.await);
            drop(raw);
            return Err(ended(kind));
        }
    };
    drop(raw);
    match read
        .context("the terminal cannot be read")
        .and_then(|read| read)
        .map_err(Failure::usage)?
    {
        Pasted::Whole(bytes) => Ok(bytes),
        Pasted::Interrupted => Err(ended(Kind::Interrupted)),
    }
}

fn ended(kind: Kind) -> Failure {
    let mut failure = Failure::usage(anyhow::anyhow!("stopped: nothing was handed in"));
    failure.kind = kind;
    failure
}

enum Pasted {
    Whole(Zeroizing<Vec<u8>>),
    Interrupted,
}

fn read_until_end(stop: &AtomicBool) -> anyhow::Result<Pasted> {
    let stdin = std::io::stdin();
    let terminal = stdin.as_fd();
    // As large as it may become: what is pasted must not be copied to a larger buffer unwiped.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_INPUT + CHUNK));
    let mut chunk = Zeroizing::new([0; CHUNK]);
    while !stop.load(Ordering::Relaxed) {
        if !is_readable(terminal)? {
            continue;
        }
        let count = rustix::io::read(terminal, &mut chunk[..])?;
        let read = &chunk[..count];
        if read.contains(&INTERRUPT) {
            return Ok(Pasted::Interrupted);
        }
        let end = read.iter().position(|byte| ENDS.contains(byte));
        bytes.extend_from_slice(&read[..end.unwrap_or(count)]);
        anyhow::ensure!(
            bytes.len() <= MAX_INPUT,
            "what was pasted is larger than {} MiB",
            MAX_INPUT >> 20
        );
        // Nothing to read although there is something: the terminal is gone.
        if end.is_some() || count == 0 {
            break;
        }
    }
    Ok(Pasted::Whole(bytes))
}

// `false` = nothing yet.
fn is_readable(terminal: BorrowedFd<'_>) -> anyhow::Result<bool> {
    let wait = Timespec::try_from(LOOK)?;
    let mut polled = [PollFd::new(&terminal, PollFlags::IN)];
    match poll(&mut polled, Some(&wait)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A terminal that hands over every byte and shows none, as long as this lives.
struct Raw(Termios);

impl Raw {
    fn switch_on() -> rustix::io::Result<Self> {
        let stdin = std::io::stdin();
        let found = tcgetattr(&stdin)?;
        let mut raw = found.clone();
        // Without signals: Ctrl-C would end the process and leave the terminal as it is now.
        raw.local_modes.remove(
            LocalModes::ICANON
                | LocalModes::ECHO
                | LocalModes::ECHONL
                | LocalModes::ISIG
                | LocalModes::IEXTEN,
        );
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed already stays.
        tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Self(found))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no care.
        tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0).unwrap_or_default();
    }
}
