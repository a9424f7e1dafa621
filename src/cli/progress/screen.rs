//! What the live lines look like: one for each thing under way, and at the bottom a bar, the time and the sum. Pure.

use super::bar::bar;
use super::model::View;

/// Columns of the bar where there is room for it.
const BAR: u16 = 30;

/// Columns for what stands beside the bar; on a terminal without as many the bar gives way first.
const BESIDE: u16 = 50;

/// Part of the terminal's rows that all lines together take: so they still fit when it becomes as much narrower, and
/// each of them wraps.
const PART_OF_ROWS: u16 = 3;

/// Live lines that have room beside the bar.
pub(super) fn room(rows: u16) -> usize {
    usize::from(rows / PART_OF_ROWS).saturating_sub(1)
}

/// The lines, for a terminal of so many columns; what does not fit into one is cut where it is drawn.
pub(super) fn lines(view: View, columns: u16) -> Vec<String> {
    let mut parts = Vec::new();
    // Where nobody knows how much there is to do there is no bar.
    if view.entries > 0 {
        let width = columns.saturating_sub(BESIDE).min(BAR);
        parts.push(bar(view.ended, view.entries, width));
    }
    parts.push(view.time);
    parts.push(view.message);
    parts.retain(|part| !part.is_empty());
    let mut lines = view.live;
    lines.push(parts.join("  "));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_gives_way_to_what_stands_beside_it() {
        for (ended, entries, columns, wanted) in [
            (
                3,
                6,
                80,
                "███████████████░░░░░░░░░░░░░░░ 3/6  17 s  3 changed",
            ),
            (
                3,
                6,
                200,
                "███████████████░░░░░░░░░░░░░░░ 3/6  17 s  3 changed",
            ),
            (3, 6, 56, "███░░░ 3/6  17 s  3 changed"),
            (3, 6, 50, "3/6  17 s  3 changed"),
            (3, 6, 10, "3/6  17 s  3 changed"),
            (0, 6, 54, "░░░░ 0/6  17 s  3 changed"),
            (6, 6, 54, "████ 6/6  17 s  3 changed"),
            // More may end than were counted, as consents come in meanwhile.
            (7, 6, 54, "████ 7/6  17 s  3 changed"),
            (0, 0, 80, "17 s  3 changed"),
        ] {
            let view = View {
                entries,
                ended,
                time: "17 s".to_owned(),
                message: "3 changed".to_owned(),
                live: vec!["acme waits".to_owned()],
            };
            assert_eq!(lines(view, columns), ["acme waits", wanted], "{columns}");
        }
    }
}
