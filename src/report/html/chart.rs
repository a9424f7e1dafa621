//! Charts of what was done when, as shapes without text: what they say is told beside them in words, too.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::report::activity::Activity;

/// Bins that a chart has room for at least: a run of a second is no bar as wide as the page.
const LEAST: usize = 24;

/// The height of a chart, in its own unit.
const HEIGHT: u32 = 100;

/// The width of a bin; a bar is a bit narrower.
const BIN: usize = 4;

/// How many bins a chart of this has.
pub(super) fn bins(activity: &Activity) -> usize {
    activity.bins().len().max(LEAST)
}

/// Calls by time, and 429s as marks across the top. `peak` is what fills the height.
pub(super) fn calls(activity: &Activity, bins: usize, peak: u32, label: &str) -> Markup {
    svg(
        bins,
        label,
        &html! {
            path class="calls" d=(bars(activity, peak)) {}
            path class="limited" d=(limited(activity)) {}
        },
    )
}

/// The same with the entries that had come to rest by then, of so many.
pub(super) fn run(activity: &Activity, bins: usize, entries: u64, label: &str) -> Markup {
    svg(
        bins,
        label,
        &html! {
            path class="calls" d=(bars(activity, activity.peak())) {}
            path class="limited" d=(limited(activity)) {}
            path class="ended" d=(ended(activity, entries)) {}
        },
    )
}

fn svg(bins: usize, label: &str, shapes: &Markup) -> Markup {
    let view = format!("0 0 {} {HEIGHT}", bins * BIN);
    html! {
        svg viewBox=(view) preserveAspectRatio="none" role="img" aria-label=(label) { (shapes) }
    }
}

fn bars(activity: &Activity, peak: u32) -> String {
    let mut path = String::new();
    for (place, bin) in activity.bins().iter().enumerate() {
        if bin.calls > 0 {
            // What was done at all is seen.
            let height = scaled(bin.calls.into(), peak.into()).max(2);
            let (x, y) = (place * BIN, HEIGHT - height);
            // Writing to a String cannot fail.
            let _infallible = write!(path, "M{x} {HEIGHT}V{y}h3V{HEIGHT}z");
        }
    }
    path
}

// A cross in each bin that has some: no bar looks like it.
fn limited(activity: &Activity) -> String {
    let mut path = String::new();
    for (place, bin) in activity.bins().iter().enumerate() {
        if bin.limited > 0 {
            let x = place * BIN;
            let _infallible = write!(path, "M{x} 2l3 12m-3 0l3 -12");
        }
    }
    path
}

fn ended(activity: &Activity, entries: u64) -> String {
    let mut path = format!("M0 {HEIGHT}");
    let mut ended: u64 = 0;
    for (place, bin) in activity.bins().iter().enumerate() {
        ended += u64::from(bin.ended);
        let (x, y) = ((place + 1) * BIN, HEIGHT - scaled(ended, entries));
        let _infallible = write!(path, "L{x} {y}");
    }
    path
}

fn scaled(count: u64, all: u64) -> u32 {
    let height = count.saturating_mul(HEIGHT.into()) / all.max(1);
    u32::try_from(height).unwrap_or(HEIGHT).min(HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_shapes_in_proportion() {
        let mut activity = Activity::default();
        activity.at(0).calls = 50;
        *activity.at(2_000) = crate::report::activity::Bin {
            calls: 100,
            limited: 1,
            ended: 3,
        };
        activity.at(3_000).calls = 1;
        let chart = run(&activity, bins(&activity), 4, "a <chart>").into_string();
        assert_eq!(
            chart,
            "<svg viewBox=\"0 0 96 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"a &lt;chart&gt;\">\
             <path class=\"calls\" d=\"M0 100V50h3V100zM8 100V0h3V100zM12 100V98h3V100z\"></path>\
             <path class=\"limited\" d=\"M8 2l3 12m-3 0l3 -12\"></path>\
             <path class=\"ended\" d=\"M0 100L4 100L8 100L12 25L16 25\"></path></svg>"
        );
        let empty = calls(&Activity::default(), 24, 0, "").into_string();
        assert!(empty.contains("class=\"calls\" d=\"\""), "{empty}");
    }
}
