//! The binary: everything it does is [`okta_rollout::cli::main`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(okta_rollout::cli::main())
}
