//! What the system may do to the process: no core dump, which would hold secrets, no end without a word when a file
//! grows beyond its limit, and none with the terminal where it was started to outlive it.

use super::output::Output;

/// Allows no core dump, neither of this process nor of the programs it runs for secrets.
pub(super) fn forbid_core_dumps(output: Output) {
    if let Err(error) = rlimit::setrlimit(rlimit::Resource::CORE, 0, 0) {
        // Nothing that a run needs; but who relies on it has to know.
        output.note(format_args!("core dumps cannot be switched off: {error}"));
    }
}

/// Lets no other process of the same user trace this one or read its memory, in which secrets are; root still can.
/// Programs that this one starts are not concerned.
#[cfg(target_os = "linux")]
pub(super) fn forbid_tracing(output: Output) {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        output.note(format_args!(
            "other processes of this user can trace this one: {error}"
        ));
    }
}

/// Nothing like it is known here.
#[cfg(not(target_os = "linux"))]
pub(super) fn forbid_tracing(_: Output) {}

/// Takes the signal of a file that grew beyond `ulimit -f`, which would end the process: the write then fails with an
/// error that can be told. Needs a runtime, and lasts as long as the process.
pub(super) fn survive_file_size_limit(output: Output) {
    /// SIGXFSZ, the same number on Linux (but for MIPS) and the BSDs.
    const FILE_SIZE_EXCEEDED: i32 = 25;
    if cfg!(any(target_arch = "mips", target_arch = "mips64")) {
        return;
    }
    let kind = tokio::signal::unix::SignalKind::from_raw(FILE_SIZE_EXCEEDED);
    if let Err(error) = tokio::signal::unix::signal(kind) {
        output.note(format_args!(
            "a file that exceeds its limit will end the process: {error}"
        ));
    }
}

/// Whether as many threads can be started as a command needs at least: without them parts of it would wait for ever,
/// or fail in the middle.
pub(super) fn has_threads() -> std::io::Result<()> {
    // The runtime's, the ledger's, and those that look up names and read files.
    let needed = std::thread::available_parallelism().map_or(1, usize::from) + 6;
    // All at the same time: each waits for the gate to open.
    let gate = parking_lot::RwLock::new(());
    std::thread::scope(|scope| {
        let _closed = gate.write();
        for _ in 0..needed {
            std::thread::Builder::new().spawn_scoped(scope, || drop(gate.read()))?;
        }
        Ok(())
    })
}

/// Whether SIGHUP was ignored when the process began, as under `nohup`. Where the system does not tell it counts as
/// ignored, so that nothing is changed about it.
pub(super) fn ignores_hangup() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return true;
    };
    is_hangup_ignored(&status)
}

/// By the text of `/proc/PID/status`: a mask of the ignored signals, in which SIGHUP is the lowest bit.
fn is_hangup_ignored(status: &str) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_threads_and_none_is_left_behind() {
        has_threads().unwrap();
    }

    #[test]
    fn the_mask_shows_whether_hangups_are_ignored() {
        for (status, ignored) in [
            (
                "Name:\tx\nSigIgn:\t0000000000000001\nSigCgt:\t0000000000000000\n",
                true,
            ),
            ("SigIgn:\t0000000000001001\n", true),
            ("SigIgn:\t0000000000001000\n", false),
            (
                "SigIgn:\t0000000000000000\nSigCgt:\t0000000000000001\n",
                false,
            ),
            ("SigIgn:\tnonsense\n", true),
            ("Name:\tx\n", true),
        ] {
            assert_eq!(is_hangup_ignored(status), ignored, "{status}");
        }
    }
}
