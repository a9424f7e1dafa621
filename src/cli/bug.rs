//! What people see when the program has a bug: where, and that nothing is lost. Never the panic's
//! payload, which may quote a value.

use std::panic::{self, UnwindSafe};

use super::output::Output;
use crate::failure::Kind;

/// Runs the program; a panic on this thread becomes the exit code of a bug.
pub(super) fn guard(program: impl FnOnce() -> u8 + UnwindSafe) -> u8 {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |location| {
            format!(" at {}:{}", location.file(), location.line())
        });
        let output = Output::plain();
        output.error(format_args!(
            "internal error{place}: this is a bug in okta-rollout {}",
            env!("CARGO_PKG_VERSION")
        ));
        output.hint(
            "please report the line above; what was done is checkpointed, so the same command goes on",
        );
    }));
    panic::catch_unwind(program).unwrap_or(Kind::Bug.exit_code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_exit_code_1() {
        let code = guard(|| panic!("a payload that nobody may see"));
        // Other tests' panics are shown as usual again.
        drop(panic::take_hook());
        assert_eq!(code, 1);
    }
}
