//! What the system may do to the process, set before anything else: no core dump, which would hold secrets, and no
//! end without a word when a file grows beyond its limit.

use super::output::Output;

/// Allows no core dump, neither of this process nor of the programs it runs for secrets.
pub(super) fn forbid_core_dumps(output: Output) {
    if let Err(error) = rlimit::setrlimit(rlimit::Resource::CORE, 0, 0) {
        // Nothing that a run needs; but who relies on it has to know.
        output.note(format_args!("core dumps cannot be switched off: {error}"));
    }
}

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
