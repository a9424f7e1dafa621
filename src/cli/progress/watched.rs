//! What is shown of a run that another process works on. Pure.

use std::time::Duration;

use super::clock::{seconds, whole};
use super::model::View;
use super::screen;
use crate::cli::output::block::Size;
use crate::cli::output::local_times;
use crate::report::{self, OrgReport, Overview, WaveState};

/// The lines, for a terminal of this size; the run's process began so long ago.
pub(in crate::cli) fn lines(overview: &Overview, elapsed: Duration, size: Size) -> Vec<String> {
    let totals = overview.totals;
    let stopped = overview.orgs.iter().filter(|org| org.stopped.is_some());
    let stopped = match stopped.count() as u64 {
        0 => String::new(),
        count => format!("; {} stopped", report::counted(count, "org", "orgs")),
    };
    let mut live = vec![format!("run {} of {}", overview.run, overview.file)];
    let waves = overview
        .waves
        .iter()
        .filter(|wave| !matches!(wave.state, WaveState::Pending | WaveState::Done));
    live.extend(waves.map(|wave| local_times(&wave.line()).into_owned()));
    let room = screen::room(size.rows).saturating_sub(live.len());
    let waits = overview.orgs.iter().filter_map(OrgReport::wait);
    live.extend(some(waits.collect(), room));
    let view = View {
        entries: totals.entries,
        ended: totals.entries.saturating_sub(totals.pending),
        time: seconds(whole(elapsed)),
        message: format!("{}{stopped}", report::totals(overview)),
        live,
    };
    screen::lines(view, size.columns)
}

/// So many of them; the last line says how many there are besides.
fn some(mut waits: Vec<String>, room: usize) -> Vec<String> {
    let shown = if waits.len() > room {
        room.saturating_sub(1)
    } else {
        waits.len()
    };
    let more = waits.split_off(shown).len() as u64;
    for wait in &mut waits {
        *wait = local_times(wait).into_owned();
    }
    if more > 0 {
        let count = report::counted(more, "more org waits", "more orgs wait");
        waits.push(count);
    }
    waits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_take_what_room_there_is() {
        for (count, room, wanted) in [
            (0, 4, &[][..]),
            (2, 4, &["o0 waits", "o1 waits"]),
            (2, 2, &["o0 waits", "o1 waits"]),
            (9, 3, &["o0 waits", "o1 waits", "7 more orgs wait"]),
            (2, 1, &["2 more orgs wait"]),
            (1, 0, &["1 more org waits"]),
        ] {
            let waits = (0..count).map(|no| format!("o{no} waits")).collect();
            assert_eq!(some(waits, room), wanted, "{count} {room}");
        }
    }
}
