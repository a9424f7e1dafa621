//! Rows under a head, each column as wide as it has to be.

use std::io::{self, Write};

use crate::text::Page;

/// Writes them.
pub(in crate::cli) fn columns<W: Write, const N: usize>(
    page: &mut Page<W>,
    head: &[&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let head = head.map(str::to_owned);
    let all = || std::iter::once(&head).chain(rows);
    let widths: [usize; N] = std::array::from_fn(|at| {
        let width = all().map(|row| row[at].chars().count()).max();
        width.unwrap_or_default()
    });
    for row in all() {
        let cells = row.iter().zip(widths);
        let line: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        page.line(format_args!("{}", line.join("  ").trim_end()))?;
    }
    Ok(())
}
