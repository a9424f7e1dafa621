//! What people see in a terminal of their own: live lines through Ctrl-C, Ctrl-Z and other sizes, and completion in
//! their shells. Needs tmux, zsh and fish, which is why `cargo test` leaves it to the feature `terminal`.

#![expect(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod completion;
mod live;
mod pane;
