//! What people see when the program has a bug: where, and that nothing is lost. Never the panic's
//! payload, which may quote a value. That the machine gives no more threads is no bug, although libraries panic.

use std::any::Any;
use std::panic::{self, UnwindSafe};

use super::output::Output;
use crate::failure::Kind;
use crate::limits::Lack;

/// How the panics of those begin who cannot start a thread: the standard library and the runtime.
const NO_THREADS: [&str; 2] = ["failed to spawn thread", "OS can't spawn worker thread"];

/// Runs the program; a panic on this thread becomes the exit code of a bug.
pub(super) fn guard(program: impl FnOnce() -> u8 + UnwindSafe) -> u8 {
    panic::set_hook(Box::new(|panic| {
        let output = Output::plain();
        if is_lack_of_threads(panic.payload()) {
            output.error("no more threads can be started");
            output.hint(format_args!(
                "{}; what was done is checkpointed, so the same command goes on",
                Lack::Threads.hint()
            ));
            return;
        }
        let place = panic.location().map_or_else(String::new, |location| {
            format!(" at {}:{}", location.file(), location.line())
        });
        output.error(format_args!(
            "internal error{place}: this is a bug in okta-rollout {}",
            env!("CARGO_PKG_VERSION")
        ));
        output.hint(
            "please report the line above; what was done is checkpointed, so the same command goes on",
        );
    }));
    panic::catch_unwind(program).unwrap_or_else(|payload| {
        // Calls may have been sent by then.
        let lack = is_lack_of_threads(&*payload);
        let kind = if lack { Kind::Failed } else { Kind::Bug };
        kind.exit_code()
    })
}

fn is_lack_of_threads(payload: &(dyn Any + Send)) -> bool {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.is_some_and(|text| NO_THREADS.iter().any(|words| text.starts_with(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_exit_code_1() {
        let code = guard(|| panic!("a payload that nobody may see"));
        let lack = "Resource temporarily unavailable (os error 11)";
        let runtime = guard(|| panic!("OS can't spawn worker thread: {lack}"));
        let standard = guard(|| panic!("failed to spawn thread: {lack}"));
        // Other tests' panics are shown as usual again.
        drop(panic::take_hook());
        assert_eq!((code, runtime, standard), (1, 3, 3));
    }
}
