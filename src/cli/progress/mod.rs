//! Shows that a run moves: a reader of its events. [`model`] decides what to say and show and is
//! pure; this file puts it on the terminal, as a bar with live lines or as plain lines.

mod bar;
mod clock;
mod line;
mod model;
mod recount;
mod screen;
mod totals;
mod waits;
pub(super) mod watched;
mod wave;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::MissedTickBehavior;

use super::output::{Output, block, local_times, pause};
use crate::event::{Listener, News};
use crate::model::UnixMillis;
use crate::settings::Animation;
use line::{Line, Weight};
use model::Model;
pub(super) use recount::Recount;

/// An eye sees no more, and a slow remote terminal keeps up.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// Events come in bursts, and who reads each as it comes is woken for each.
const REST: Duration = Duration::from_millis(10);

/// Events taken in before what they say is shown.
const AT_ONCE: usize = 256;

/// How often the ledger is asked once events were lost: it counts all entries of a run each time.
const RECOUNT_EVERY: Duration = Duration::from_secs(2);

/// Listens to events until there are no more, and shows those of the run of `recount`, or without one those of no run. Who lost some shows what `recount` reads.
pub async fn show(
    mut listener: Listener,
    recount: Option<Recount>,
    animation: Animation,
    output: Output,
) {
    let mut shown = Shown {
        model: Model::new(output.verbosity(), TimeZone::system(), now()),
        recount,
        has_lost: false,
        is_stale: false,
    };
    let is_live = animation == Animation::Bars;
    if is_live {
        pause::listen();
    }
    // Drawn by the clock, not by events: thousands of them a second would only cost time, and waits
    // count down although nothing happens.
    let mut tick = tokio::time::interval(REDRAW_EVERY);
    let mut again = tokio::time::interval(RECOUNT_EVERY);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            news = listener.next() => {
                let Some(news) = news else { break };
                let mut lines = shown.hear(news);
                let mut count = 1;
                while count < AT_ONCE && let Some(news) = listener.now() {
                    lines.extend(shown.hear(news));
                    count += 1;
                }
                for line in &lines {
                    print(output, animation, line);
                }
                if count < AT_ONCE {
                    tokio::time::sleep(REST).await;
                }
            }
            _ = again.tick(), if is_live && shown.is_stale => shown.recount().await,
            _ = tick.tick(), if is_live => {
                let size = block::size();
                let view = shown.model.view(now(), screen::room(size.rows));
                output.live(screen::lines(view, size.columns));
            }
        }
    }
    if is_live {
        output.live(Vec::new());
    }
}

/// What is shown, and whether it is all that happened.
struct Shown {
    model: Model,
    recount: Option<Recount>,
    /// Whether events were lost.
    has_lost: bool,
    /// Whether they were, and more has happened since the ledger was asked.
    is_stale: bool,
}

impl Shown {
    fn hear(&mut self, news: News) -> Vec<Line> {
        let shown = self.recount.as_ref().map(|recount| &recount.run);
        if let News::Event(event) = &news
            && event.run.as_deref() != shown
        {
            // Of another run, which others show.
            return Vec::new();
        }
        self.is_stale |= self.has_lost;
        match news {
            News::Event(event) => self.model.apply(&event.kind),
            News::Lagged(_) => {
                self.model.forget_live();
                self.is_stale = true;
                if std::mem::replace(&mut self.has_lost, true) {
                    return Vec::new();
                }
                line::lost(shown)
            }
        }
    }

    async fn recount(&mut self) {
        self.is_stale = false;
        if let Some(recount) = &self.recount {
            recount.update(&mut self.model, now()).await;
        }
    }
}

fn now() -> UnixMillis {
    UnixMillis(Timestamp::now().as_millisecond())
}

/// Errors always; news beside live lines only with `-v`, as these show them.
fn print(output: Output, animation: Animation, line: &Line) {
    let text = local_times(&line.text);
    match (line.weight, animation) {
        (Weight::Error, _) => output.detail(text),
        (Weight::Change, Animation::Lines) | (Weight::Notice, _) => output.total(text),
        (Weight::News, Animation::Lines) => output.note(text),
        (Weight::News | Weight::Change, Animation::Bars) => output.more(text),
    }
}
