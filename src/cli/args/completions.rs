//! The flags of `completions` and of `complete`.

use std::ffi::OsString;

use clap_complete::Shell;

/// Flags of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  source <(okta-rollout completions bash)     in ~/.bashrc; for zsh in ~/.zshrc, with zsh for bash
  okta-rollout completions fish > ~/.config/fish/completions/okta-rollout.fish")]
pub struct Completions {
    /// Which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Flags of `complete`.
#[derive(Debug, clap::Args)]
pub struct Complete {
    /// The words of the command line up to the cursor
    #[arg(last = true, required = true, value_name = "WORD")]
    pub words: Vec<OsString>,
}
