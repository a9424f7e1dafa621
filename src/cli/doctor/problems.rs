//! Problems, each with the next command; those that orgs have in common once.

use indexmap::IndexMap;

use crate::cli::output::Output;
use crate::rollout::doctor::{Findings, Problem, Severity};
use crate::settings::Verbosity;

/// Orgs that are named of those with one problem.
const NAMED: usize = 3;

/// Problems that are told; `--format json` has them all.
const TOLD: usize = 100;

/// Tells them; `again` is what is typed once they are fixed.
pub(super) fn tell(found: &Findings, again: &str, output: Output) {
    let mut alike: IndexMap<Problem, Vec<(&str, Option<&str>)>> = IndexMap::new();
    let of_orgs = found.orgs.iter().flat_map(|org| {
        let problems = org.problems.iter();
        problems.map(|problem| (org.org.as_str(), problem))
    });
    let of_ledger = found.ledger.problems.iter();
    for (org, problem) in of_orgs.chain(of_ledger.map(|problem| ("ledger", problem))) {
        let mut key = problem.clone();
        // Each has its own.
        key.details.request_id = None;
        let request = problem.details.request_id.as_deref();
        alike.entry(key).or_default().push((org, request));
    }
    for (problem, orgs) in alike.iter().take(TOLD) {
        tell_one(problem, orgs, again, output);
    }
    if let Some(more) = alike.len().checked_sub(TOLD + 1) {
        output.detail(format_args!(
            "and {} more; --format json has them all",
            more + 1
        ));
    }
}

fn tell_one(problem: &Problem, orgs: &[(&str, Option<&str>)], again: &str, output: Output) {
    let mut details = problem.details.clone();
    if let [(_, Some(request))] = orgs {
        details.request_id = Some((*request).to_owned());
    }
    let names: Vec<_> = orgs.iter().map(|(org, _)| *org).collect();
    let line = format!("{}: {details}", named(&names));
    match problem.severity {
        Severity::Error => output.error(line),
        Severity::Warning if output.verbosity() == Verbosity::Quiet => return,
        Severity::Warning => output.warning(line),
    }
    match &details.hint {
        Some(hint) => output.hint(format_args!("{hint}, then: {again}")),
        None => output.hint(again),
    }
}

/// `acme, globex, hub and 12 more`.
pub(super) fn named(orgs: &[&str]) -> String {
    let shown = orgs.iter().take(NAMED).copied().collect::<Vec<_>>();
    match orgs.len().checked_sub(NAMED) {
        None | Some(0) => shown.join(", "),
        Some(more) => format!("{} and {more} more", shown.join(", ")),
    }
}
