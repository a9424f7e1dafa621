//! Pictures, as shapes that read without colour: what they say stands beside them in words, too.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::report::Totals;

/// Spans of a chart over time.
pub(in crate::desk) const SPANS: usize = 96;

/// The height of a chart, in its own unit, and the width of a span.
const HEIGHT: u64 = 100;
const SPAN: usize = 6;

/// Entries by state, as one bar: each state has a pattern of its own.
pub(super) fn states(totals: Totals) -> Markup {
    let parts = [
        ("done", totals.changed + totals.unchanged),
        ("waiting", totals.waiting),
        ("failed", totals.failed),
        ("pending", totals.pending),
    ];
    let label = format!("Entries by state: {}", totals.words());
    let mut left = 0.0;
    let shapes: Vec<_> = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| {
            let width = share(count, totals.entries) * 1_000.0;
            let from = left;
            left += width;
            (class, from, width)
        })
        .collect();
    html! {
        svg class="bar" viewBox="0 0 1000 20" preserveAspectRatio="none" role="img" aria-label=(label) {
            @for (class, from, width) in shapes {
                rect class=(class) x=(format!("{from:.1}")) y=(height_of(class).0) width=(format!("{width:.1}")) height=(height_of(class).1) {}
            }
        }
    }
}

// Without colour they are told apart by how high they stand.
fn height_of(class: &str) -> (u32, u32) {
    match class {
        "done" => (0, 20),
        "waiting" => (5, 15),
        "failed" => (0, 10),
        _ => (16, 4),
    }
}

/// How many entries came to rest by when, of so many.
pub(super) fn over_time(spans: &[(i64, u64)], entries: u64, label: &str) -> Markup {
    let (mut path, mut sum) = (format!("M0 {HEIGHT}"), 0);
    for span in 0..SPANS {
        let at = i64::try_from(span).unwrap_or(i64::MAX);
        let here = spans.iter().filter(|(place, _)| *place == at);
        sum += here.map(|(_, count)| count).sum::<u64>();
        let y = HEIGHT - (sum.saturating_mul(HEIGHT) / entries.max(1)).min(HEIGHT);
        // Writing to a String cannot fail.
        let _infallible = write!(path, "L{} {y}", (span + 1) * SPAN);
    }
    let view = format!("0 0 {} {HEIGHT}", SPANS * SPAN);
    html! {
        svg class="time" viewBox=(view) preserveAspectRatio="none" role="img" aria-label=(label) {
            path class="area" d=(format!("{path}V{HEIGHT}z")) {}
            path class="line" d=(path) {}
        }
    }
}

/// How much of a budget is left.
pub(super) fn budget(left: u64, limit: u64) -> Markup {
    let width = share(left.min(limit), limit) * 100.0;
    let label = format!("{left} of {limit} calls left");
    html! {
        svg class="budget" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=(label) {
            rect class="limit" x="0" y="0" width="100" height="10" {}
            rect class="left" x="0" y="0" width=(format!("{width:.1}")) height="10" {}
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "of a width nobody sees the last digits"
)]
fn share(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_in_proportion_and_say_so_in_words() {
        let totals = Totals {
            entries: 4,
            changed: 1,
            waiting: 2,
            failed: 1,
            ..Totals::default()
        };
        let bar = states(totals).into_string();
        assert!(
            bar.contains(
                "aria-label=\"Entries by state: 1 changed, 2 waiting for consent, 1 failed\""
            ),
            "{bar}"
        );
        for (class, x, width) in [
            ("done", "0.0", "250.0"),
            ("waiting", "250.0", "500.0"),
            ("failed", "750.0", "250.0"),
        ] {
            let place = format!("class=\"{class}\" x=\"{x}\"");
            assert!(
                bar.contains(&place) && bar.contains(&format!("width=\"{width}\"")),
                "{bar}"
            );
        }
        let line = over_time(&[(0, 1), (2, 3), (-1, 9)], 8, "a <chart>").into_string();
        assert!(
            line.contains("a &lt;chart&gt;") && line.contains("d=\"M0 100L6 88L12 88L18 50L24 50"),
            "{line}"
        );
        let left = budget(9, 45).into_string();
        assert!(
            left.contains("9 of 45 calls left") && left.contains("width=\"20.0\""),
            "{left}"
        );
        assert!(budget(0, 0).into_string().contains("width=\"0.0\""));
    }
}
