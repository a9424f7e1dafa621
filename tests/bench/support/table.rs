//! What a bench prints in the end: each row of the README's "How fast it is" with the figure, its bound and the ratio of
//! the two, and below them the baselines measured in the same run.

use std::ops::{Bound, RangeBounds};

/// The rows measured so far.
#[derive(Default)]
pub struct Table {
    rows: Vec<[String; 5]>,
    baselines: Vec<[String; 2]>,
}

impl Table {
    /// A measured row and where its figure must lie: `..=most` or `least..`. The ratio is ≤ 1.00 where it does.
    pub fn row(
        &mut self,
        what: impl Into<String>,
        measured: f64,
        bound: impl RangeBounds<f64>,
        unit: &str,
    ) {
        let (sign, limit, ratio) = match (bound.start_bound(), bound.end_bound()) {
            (Bound::Included(least), _) => ("≥", *least, least / measured),
            (_, Bound::Included(most)) => ("≤", *most, measured / most),
            _ => ("<", f64::INFINITY, 0.0),
        };
        // Nothing where nothing is allowed, as with 429s.
        let ratio = if ratio.is_nan() { 0.0 } else { ratio };
        self.rows.push([
            what.into(),
            shown(measured, unit),
            format!("{sign} {}", shown(limit, unit)),
            format!("{ratio:.2}"),
            if ratio <= 1.0 { "met" } else { "NOT MET" }.to_owned(),
        ]);
    }

    /// What something simpler did in the same run.
    pub fn baseline(&mut self, what: impl Into<String>, did: impl Into<String>) {
        self.baselines.push([what.into(), did.into()]);
    }

    /// Prints all of them as one.
    pub fn print(tables: &[Self]) {
        let head = ["row", "measured", "bound", "measured/bound", ""].map(str::to_owned);
        let rows = tables.iter().flat_map(|table| table.rows.clone());
        say("");
        print_aligned(&[head].into_iter().chain(rows).collect::<Vec<_>>());
        let head = ["baseline, in the same run", "did"].map(str::to_owned);
        let baselines = tables.iter().flat_map(|table| table.baselines.clone());
        say("");
        print_aligned(&[head].into_iter().chain(baselines).collect::<Vec<_>>());
        say(
            "(measured/bound is ≤ 1.00 where the bound is met; of a lower bound it is bound/measured)",
        );
    }
}

fn print_aligned<const N: usize>(rows: &[[String; N]]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        say(line.join("  ").trim_end());
    }
}

fn shown(figure: f64, unit: &str) -> String {
    let decimals = if figure >= 1_000.0 || figure.fract() == 0.0 {
        0
    } else {
        2
    };
    format!("{figure:.decimals$} {unit}").trim_end().to_owned()
}

/// Prints a line as the bench continues.
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
pub fn say(line: &str) {
    println!("{line}");
}
