//! The texts that hold examples, and what in them is one.

use clap::CommandFactory as _;
use okta_rollout::cli::args::Args;

use crate::support::Scenario;

const README: &str = include_str!("../../../README.md");

/// What a README shows.
pub enum Shown {
    /// Lines of a shell, one after the other.
    Block(Vec<String>),
    /// A command within a sentence.
    Inline(String),
}

/// Every command that people see, as words behind the program's name; none for the program itself.
pub fn commands() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, path: &[String], found: &mut Vec<Vec<String>>) {
        found.push(path.to_vec());
        for below in command
            .get_subcommands()
            .filter(|below| !below.is_hide_set())
        {
            let below_path = [path, &[below.get_name().to_owned()]].concat();
            walk(below, &below_path, found);
        }
    }
    let mut found = Vec::new();
    walk(&Args::command(), &[], &mut found);
    found
}

/// `okta-rollout consent list`.
pub fn name(path: &[String]) -> String {
    let mut words = vec!["okta-rollout"];
    words.extend(path.iter().map(String::as_str));
    words.join(" ")
}

/// The examples of a command's help.
pub fn help_of(path: &[String]) -> Vec<String> {
    let mut arguments: Vec<_> = path.iter().map(String::as_str).collect();
    arguments.push("--help");
    let help = Scenario::of([]).okta_rollout(&arguments).exits(0).data();
    examples(help.lines())
}

/// The commands with their examples in the manual pages.
pub fn in_man() -> Vec<(Vec<String>, Vec<String>)> {
    let story = Scenario::of([]);
    story.okta_rollout(&["man", "-o", "pages"]).exits(0);
    let page = |path: &Vec<String>| {
        let name = name(path).replace(' ', "-");
        let page = std::fs::read_to_string(story.path(&format!("pages/{name}.1")));
        let page = page.unwrap_or_else(|error| panic!("{name}: {error}"));
        let page = page
            .replace("\\-", "-")
            .replace("\\*(Aq", "'")
            .replace("\\\\", "\\");
        (path.clone(), examples(page.lines()))
    };
    // `help` is of clap, and has no page.
    let has_page = |path: &&Vec<String>| path.first().is_none_or(|first| first != "help");
    commands().iter().filter(has_page).map(page).collect()
}

/// The lines below `Examples:`, each without what it is for.
fn examples<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in lines {
        inside = match (inside, line) {
            (_, "Examples:" | "Example:") => true,
            (true, line) => {
                let example = line.strip_prefix("  ").map(|line| {
                    line.split_once("  ")
                        .map_or(line, |(example, _)| example)
                        .to_owned()
                });
                let goes_on = example.is_some();
                found.extend(example);
                goes_on
            }
            (false, _) => false,
        };
    }
    for example in &found {
        let begins = ["okta-rollout ", "source "]
            .iter()
            .any(|begin| example.starts_with(begin));
        assert!(
            begins || example == "okta-rollout",
            "no command, or one too long for its line: {example}"
        );
    }
    found
}

/// What the README shows, in order.
pub fn in_readme() -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut block: Option<(&str, Vec<String>)> = None;
    let mut prose = String::new();
    for line in README.lines() {
        match (line.strip_prefix("```"), &mut block) {
            (Some(_), Some(_)) => {
                if let Some(("sh", lines)) = block.take() {
                    shown.push(Shown::Block(lines));
                }
            }
            (Some(language), None) => block = Some((language, Vec::new())),
            (None, Some((_, lines))) => lines.push(line.to_owned()),
            (None, None) => {
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    let spans = prose.split('`').skip(1).step_by(2);
    let commands = spans.filter(|span| span.starts_with("okta-rollout "));
    shown.extend(commands.map(|command| Shown::Inline(command.replace('\n', " "))));
    shown
}

/// The text of the README's job.
pub fn readme_job() -> &'static str {
    let (_, job) = README.split_once("```toml\n").unwrap();
    job.split_once("```").unwrap().0
}
