//! What a process says of the machine that it runs on.

use clap::Args as ClapArgs;

use super::Command;
use crate::manifest::Label;

/// See the first lines of this file.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct Labelled {
    /// What this machine is, for orgs whose `worker` asks for it; may be given again
    ///
    /// Where several processes share a ledger, an org with `worker: {"egress": "eu"}` is worked on by those with
    /// `--label egress=eu` alone. On a ledger that is a file there is nobody else, and labels mean nothing.
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<Label>,
}

impl Command {
    /// What the process says of its machine.
    pub fn labels(&self) -> &[Label] {
        match self {
            Self::Run(args) => &args.labelled.labels,
            Self::Resume(args) => &args.labelled.labels,
            Self::RotateKeys(args) => &args.labelled.labels,
            Self::Serve(args) => &args.labelled.labels,
            Self::Work(args) => &args.labelled.labels,
            _ => &[],
        }
    }
}
