//! Commands that people are told to type next work as printed: they have the flags that this one was given, as far as
//! they take them.

use super::args::{Args, Command, Consent};
use super::carried::{self, Flag, OF_SECRETS, placeholders};
use super::output::Output;

/// Commands that read orgs from files.
const OF_ORGS: [&str; 5] = ["run", "plan", "check", "doctor", "rotate-keys"];

/// The same, with those for which a run knows where they were: who gives them others has to do so again.
const OF_ORGS_GIVEN_ANEW: [&str; 9] = OF_SECRETS;

/// Commands that say what machine they run on.
const OF_LABELS: [&str; 4] = ["run", "resume", "rotate-keys", "work"];

/// Has the commands that are printed from now on be given what this one was.
pub(super) fn carry_flags(args: &Args) {
    carried::carry_flags(given(args));
}

/// Says what stands for a file in the commands that were printed, if anything does.
pub(super) fn explain(output: Output) {
    for Flag { name, value, .. } in placeholders() {
        output.detail(format_args!(
            "{name}{value} stands for what was passed as {name}: it can be read only once, so give it again"
        ));
    }
}

/// What this command was given of what its successors take as well.
fn given(args: &Args) -> Vec<Flag> {
    let global = &args.global;
    let of_path = |name, path: &Option<std::path::PathBuf>, verbs: &[&'static str]| {
        let path = path.as_deref()?;
        Some(Flag::of_path(name, path, verbs))
    };
    let allows = match &args.command {
        Command::Check(args) => args.allow_exec,
        Command::Plan(args) => args.allow_exec,
        Command::Doctor(args) => args.allow_exec,
        Command::Run(args) => args.allow_exec,
        Command::RotateKeys(args) => args.allow_exec,
        Command::Serve(args) => args.allow_exec,
        Command::Resume(args) => args.allow_exec,
        Command::Consent(Consent::Complete(args)) => args.allow_exec,
        Command::Consent(Consent::Refresh(args)) => args.allow_exec,
        _ => false,
    };
    let allow_exec = allows.then(|| Flag {
        name: "--allow-exec",
        value: String::new(),
        is_placeholder: false,
        verbs: OF_SECRETS.to_vec(),
    });
    let orgs = match args.command {
        // What is exported has orgs of its own, or is told which.
        Command::Export(_) => None,
        Command::Resume(_) | Command::Consent(_) => {
            of_path("--orgs", &global.orgs, &OF_ORGS_GIVEN_ANEW)
        }
        _ => of_path("--orgs", &global.orgs, &OF_ORGS),
    };
    let no_secrets = matches!(&args.command, Command::Check(args) if args.no_secrets);
    let no_secrets = no_secrets.then(|| Flag {
        name: "--no-secrets",
        value: String::new(),
        is_placeholder: false,
        verbs: vec!["check"],
    });
    let labels = args.command.labels().iter().map(ToString::to_string);
    let labels: Vec<String> = labels.collect();
    let labels = (!labels.is_empty()).then(|| Flag {
        name: "--label",
        value: format!(" {}", labels.join(" --label ")),
        is_placeholder: false,
        verbs: OF_LABELS.to_vec(),
    });
    orgs.into_iter()
        .chain(no_secrets)
        .chain(labels)
        .chain(of_path("--env-file", &global.env_file, &OF_SECRETS))
        .chain(allow_exec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::carried::Carried;

    #[test]
    fn what_a_command_was_given_its_successors_are_given() {
        use clap::Parser as _;
        let given = |line: &str| Carried(super::given(&Args::parse_from(line.split(' '))));
        let said =
            "then: okta-rollout run m.csv; okta-rollout resume k3f9\nokta-rollout consent list";
        for (line, expected) in [
            ("okta-rollout run m.csv", said),
            (
                "okta-rollout run m.csv --orgs o.csv",
                "then: okta-rollout run --orgs o.csv m.csv; okta-rollout resume k3f9\nokta-rollout consent list",
            ),
            (
                "okta-rollout resume --allow-exec --env-file e.env",
                "then: okta-rollout run --env-file e.env --allow-exec m.csv; \
                 okta-rollout resume --env-file e.env --allow-exec k3f9\nokta-rollout consent list",
            ),
            (
                "okta-rollout run m.csv --label egress=eu --label zone=a",
                "then: okta-rollout run --label egress=eu --label zone=a m.csv; \
                 okta-rollout resume --label egress=eu --label zone=a k3f9\nokta-rollout consent list",
            ),
            // A run knows where its orgs were; who gives others has to give them again.
            (
                "okta-rollout resume --orgs o.csv",
                "then: okta-rollout run --orgs o.csv m.csv; okta-rollout resume --orgs o.csv k3f9\nokta-rollout consent list",
            ),
            ("okta-rollout check m.csv --no-secrets", said),
            (
                "okta-rollout run m.csv --orgs /dev/stdin --env-file /dev/fd/63",
                "then: okta-rollout run --orgs FILE --env-file FILE m.csv; \
                 okta-rollout resume --env-file FILE k3f9\nokta-rollout consent list",
            ),
        ] {
            assert_eq!(given(line).complete(said), expected);
        }
        let orgs = given("okta-rollout check m.csv --orgs o.csv");
        let has = "okta-rollout run m.csv --orgs other.csv";
        assert_eq!(orgs.complete(has), has);
        let check = given("okta-rollout check m.csv --no-secrets");
        assert_eq!(
            check.complete("mend them, then: okta-rollout check m.csv"),
            "mend them, then: okta-rollout check --no-secrets m.csv"
        );
        let lines = "okta-rollout plan m.csv\n--orgs";
        assert_eq!(
            orgs.complete(lines),
            "okta-rollout plan --orgs o.csv m.csv\n--orgs"
        );
    }

    /// How a flag of a command that tells people what to type next gets into that.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Way {
        /// It is put into every command that takes it: here.
        Carried,
        /// The run keeps it, so that whatever continues with it does as it says; a new run is told again.
        Kept,
        /// It is in the commands that need it, as far as they need it.
        Selection,
        /// It only says how things are shown, or where a copy of them goes.
        Shown,
        /// It is about this one command.
        Once,
    }

    #[test]
    fn of_every_flag_is_known_how_it_gets_into_the_next_command() {
        use clap::CommandFactory as _;
        let ways = [
            ("orgs", Way::Carried),
            ("ledger", Way::Carried),
            ("env-file", Way::Carried),
            ("allow-exec", Way::Carried),
            ("no-secrets", Way::Carried),
            ("label", Way::Carried),
            ("force", Way::Kept),
            ("reconnect", Way::Kept),
            ("only", Way::Selection),
            ("failed", Way::Selection),
            ("format", Way::Shown),
            ("out", Way::Shown),
            ("color", Way::Shown),
            ("no-progress", Way::Shown),
            ("verbose", Way::Shown),
            ("summary", Way::Shown),
            ("quiet", Way::Shown),
            ("log-file", Way::Shown),
            ("log-format", Way::Shown),
            ("detailed-exitcode", Way::Shown),
            ("json", Way::Shown),
            // A plan that was applied is not applied again, a run that was begun is not begun again.
            ("plan", Way::Once),
            ("new", Way::Once),
            ("dry-run", Way::Once),
            // What was stored is stored.
            ("detach", Way::Once),
            ("explain", Way::Once),
            ("approve", Way::Once),
            ("past-halt", Way::Once),
            // A desk ends with its process.
            ("desk", Way::Once),
            ("listen", Way::Once),
            ("token", Way::Once),
            ("tls-cert", Way::Once),
            ("tls-key", Way::Once),
            ("behind-proxy", Way::Once),
            // A new rotation is told again.
            ("overlap", Way::Kept),
            ("years", Way::Kept),
            // What somebody agreed to once is asked again.
            ("ask", Way::Once),
            ("yes", Way::Once),
            ("help", Way::Once),
        ];
        let way = |flag: &str| ways.iter().find(|(known, _)| *known == flag);
        let mut whole = Args::command();
        whole.build();
        for command in ["check", "plan", "doctor", "run", "rotate-keys", "resume"] {
            let command = whole.find_subcommand(command).unwrap();
            for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(way(flag).is_some(), "{} --{flag}", command.get_name());
            }
        }
        // Those that are carried are, with each command that takes them.
        let line =
            "okta-rollout check m.csv --orgs o.csv --env-file e.env --allow-exec --no-secrets";
        let args = <Args as clap::Parser>::parse_from(line.split(' '));
        let mut names: Vec<_> = super::given(&args).iter().map(|flag| flag.name).collect();
        let work = <Args as clap::Parser>::parse_from(["okta-rollout", "work", "--label", "a=b"]);
        names.extend(super::given(&work).iter().map(|flag| flag.name));
        names.push("--ledger");
        names.sort_unstable();
        let carried = ways.iter().filter(|(_, way)| *way == Way::Carried);
        let mut wanted: Vec<_> = carried.map(|(flag, _)| format!("--{flag}")).collect();
        wanted.sort_unstable();
        assert_eq!(names, wanted);
    }
}
