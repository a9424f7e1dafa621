//! Reads in threads that nobody waits for: network drives and pipes may block for ever, and would keep a shared thread from
//! everybody else. One that came to its end does the next, as ten thousand orgs have as many files.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// How long a thread waits for another read.
const IDLE: Duration = Duration::from_secs(1);

type Read = Box<dyn FnOnce() + Send>;

/// A thread that waits for a read.
struct Waiting {
    no: u64,
    reads: Sender<Read>,
}

/// All that do.
static WAITING: Mutex<Threads> = Mutex::new(Threads {
    begun: 0,
    waiting: Vec::new(),
});

struct Threads {
    begun: u64,
    waiting: Vec<Waiting>,
}

/// Begins to read.
///
/// # Errors
/// When there can be no thread for it.
pub(super) fn apart<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (done, receiver) = oneshot::channel();
    let mut read: Read = Box::new(move || drop(done.send(read())));
    let waiting = WAITING.lock().waiting.pop();
    if let Some(thread) = waiting {
        match thread.reads.send(read) {
            Ok(()) => return Ok(receiver),
            Err(unsent) => read = unsent.0,
        }
    }
    begin(read)?;
    Ok(receiver)
}

fn begin(read: Read) -> io::Result<()> {
    let (sender, reads) = mpsc::channel();
    let no = {
        let mut threads = WAITING.lock();
        threads.begun += 1;
        threads.begun
    };
    let thread = std::thread::Builder::new().name("secret".to_owned());
    thread.spawn(move || work(read, no, &sender, &reads))?;
    Ok(())
}

fn work(first: Read, no: u64, sender: &Sender<Read>, reads: &Receiver<Read>) {
    let mut next = Some(first);
    while let Some(read) = next {
        read();
        let again = sender.clone();
        WAITING.lock().waiting.push(Waiting { no, reads: again });
        next = reads.recv_timeout(IDLE).ok().or_else(|| {
            let mut threads = WAITING.lock();
            let place = threads.waiting.iter().position(|one| one.no == no);
            if let Some(place) = place {
                threads.waiting.swap_remove(place);
                return None;
            }
            drop(threads);
            // Somebody has just found it, and is about to send.
            reads.recv().ok()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::thread::current;

    use super::*;

    #[test]
    fn a_read_that_blocks_keeps_nobody_and_one_that_ended_leaves_its_thread() {
        let (go_on, blocked) = mpsc::channel::<()>();
        let first = apart(move || {
            blocked.recv().ok();
            current().id()
        });
        let read = || {
            let read = apart(|| current().id()).unwrap();
            read.blocking_recv().unwrap()
        };
        let mut threads = std::collections::HashSet::new();
        for _ in 0..50 {
            threads.insert(read());
            // It waits for the next one by then.
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(threads.len() < 25, "{} threads", threads.len());
        // Whoever comes after all of them have gone finds another one.
        std::thread::sleep(IDLE * 2);
        read();
        drop(go_on);
        let first = first.unwrap().blocking_recv().unwrap();
        assert!(!threads.contains(&first));
    }

    #[test]
    fn a_read_that_panics_is_told_and_takes_no_other_with_it() {
        let panics = apart(|| -> u32 { std::panic::resume_unwind(Box::new(())) });
        assert!(panics.unwrap().blocking_recv().is_err());
        assert_eq!(apart(|| 7).unwrap().blocking_recv(), Ok(7));
    }
}
