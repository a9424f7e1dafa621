//! Mistakes as people see them: of one kind a few, and how many more there are, so that a thousand rows with the same
//! do not hide the others.

use std::collections::HashMap;

use super::output::Output;
use crate::manifest::Problem;

/// Mistakes shown at once; a person corrects the first few and asks again.
const SHOWN: usize = 100;

/// Mistakes of one kind that are shown in full; `check --format json` has them all, as far as they are kept.
const ALIKE: usize = 5;

/// Rows named of those that are not shown.
const ROWS: usize = 10;

/// Prints mistakes, the first of very many and of each kind; `count` = how many there are.
pub(super) fn show(problems: &[Problem], count: u64, output: Output) {
    for line in lines(problems, count) {
        match line {
            Line::Problem(problem) => output.error(problem),
            Line::Hint(hint) => output.hint(hint),
            Line::More(more) => output.detail(more),
        }
    }
}

enum Line<'a> {
    Problem(&'a Problem),
    Hint(&'a str),
    /// What is not shown.
    More(String),
}

/// Mistakes that differ only in names, numbers and places.
#[derive(Default)]
struct Kind<'a> {
    shown: usize,
    hint: Option<&'a str>,
    rest: Vec<&'a Problem>,
}

fn lines(problems: &[Problem], count: u64) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    let mut by_name = HashMap::new();
    let mut shown = 0;
    for problem in problems {
        let number = *by_name.entry(name(problem)).or_insert(kinds.len());
        if number == kinds.len() {
            kinds.push(Kind::default());
        }
        let Some(kind) = kinds.get_mut(number) else {
            continue;
        };
        if kind.shown == ALIKE || shown == SHOWN {
            kind.rest.push(problem);
            continue;
        }
        (kind.shown, shown) = (kind.shown + 1, shown + 1);
        lines.push(Line::Problem(problem));
        // The same hint once for all of a kind.
        let hint = problem.hint.as_deref();
        if let Some(hint) = hint.filter(|_| kind.hint != hint) {
            lines.push(Line::Hint(hint));
        }
        kind.hint = hint;
    }
    let kept: u64 = problems.iter().map(|problem| problem.count).sum();
    let mut others = count.saturating_sub(kept);
    for kind in kinds {
        match kind.rest.first() {
            Some(first) if kind.shown > 0 => lines.push(Line::More(summary(first, &kind.rest))),
            _ => others += kind.rest.iter().map(|problem| problem.count).sum::<u64>(),
        }
    }
    if others > 0 {
        lines.push(Line::More(format!("and {others} more")));
    }
    lines
}

fn summary(first: &Problem, rest: &[&Problem]) -> String {
    let count: u64 = rest.iter().map(|problem| problem.count).sum();
    let field = first.field.as_deref().unwrap_or_default();
    let colon = if field.is_empty() { "" } else { ": " };
    let mut rows: Vec<u64> = rest.iter().flat_map(|problem| problem.rows()).collect();
    let more = if rows.len() > ROWS { ", …" } else { "" };
    rows.truncate(ROWS);
    let rows: Vec<_> = rows.iter().map(u64::to_string).collect();
    let place = match rows.as_slice() {
        [] => String::new(),
        rows => format!(" (rows {}{more})", rows.join(", ")),
    };
    format!(
        "and {count} more such as {field}{colon}{}{place}",
        first.message
    )
}

// What mistakes of one kind have in common: not what is quoted, counted or referred to.
fn name(problem: &Problem) -> String {
    let field = problem.field.as_deref().unwrap_or_default();
    let mut name = format!("{}:", problem.file);
    let in_org = field
        .strip_prefix("orgs.")
        .and_then(|rest| rest.split_once('.'));
    name += in_org.map_or(field, |(_, key)| key);
    let mut quoted = false;
    let mut message = problem.message.as_str();
    for scheme in ["env:", "file:", "exec:"] {
        if message.starts_with(scheme) {
            message = message.split_once(": ").map_or(message, |(_, rest)| rest);
        }
    }
    for c in message.chars() {
        quoted ^= c == '`';
        if !quoted && !c.is_ascii_digit() {
            name.push(c);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(row: u64, message: &str, count: u64) -> Problem {
        Problem {
            file: "m.csv".to_owned(),
            line: Some(row),
            column: None,
            row: Some(row),
            field: Some("org".to_owned()),
            message: message.to_owned(),
            hint: Some("a hint".to_owned()),
            count,
            also: Vec::new(),
        }
    }

    fn shown(problems: &[Problem], count: u64) -> Vec<String> {
        lines(problems, count)
            .into_iter()
            .map(|line| match line {
                Line::Problem(problem) => problem.to_string(),
                Line::Hint(hint) => format!("hint: {hint}"),
                Line::More(more) => more,
            })
            .collect()
    }

    #[test]
    fn mistakes_of_one_kind_are_a_few_and_a_count() {
        let mut problems: Vec<_> = (2..30)
            .map(|row| problem(row, &format!("is the same as row {row}"), 1))
            .collect();
        problems.insert(9, problem(9, "is required", 1));
        let lines = shown(&problems, 29);
        assert_eq!(
            lines,
            [
                "m.csv:2: row 2, org: is the same as row 2",
                "hint: a hint",
                "m.csv:3: row 3, org: is the same as row 3",
                "m.csv:4: row 4, org: is the same as row 4",
                "m.csv:5: row 5, org: is the same as row 5",
                "m.csv:6: row 6, org: is the same as row 6",
                "m.csv:9: row 9, org: is required",
                "hint: a hint",
                "and 23 more such as org: is the same as row 7 (rows 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, …)",
            ]
        );
    }

    #[test]
    fn what_is_not_kept_or_not_shown_is_counted() {
        let kinds: Vec<_> = ('a'..='z')
            .flat_map(|a| ('a'..='f').map(move |b| format!("{a}{b}")))
            .map(|word| problem(2, &word, 2))
            .collect();
        let lines = shown(&kinds, 1000);
        assert_eq!(lines.last().map(String::as_str), Some("and 800 more"));
        assert_eq!(lines.len(), 2 * SHOWN + 1);
    }

    #[test]
    fn names_numbers_and_references_make_no_kind() {
        let of = |message: &str| name(&problem(2, message, 1));
        for (one, other, same) in [
            ("unknown org `a`", "unknown org `b 2`", true),
            ("env:A: is not set", "env:B_2: is not set", true),
            ("env:A: is not set", "file:x: is not set", true),
            ("is not set", "is not there", false),
        ] {
            assert_eq!(of(one) == of(other), same, "{one} {other}");
        }
    }
}
