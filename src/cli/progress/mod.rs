//! Shows that a run moves: a reader of its events. [`model`] decides what to say and show and is
//! pure; this file puts it on the terminal, as a bar with live lines or as plain lines.

mod bar;
mod clock;
mod line;
mod model;
mod screen;
mod waits;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc::UnboundedReceiver;

use super::output::{Output, block, local_times, pause};
use crate::event::Event;
use crate::model::Millis;
use crate::settings::Animation;
use line::{Line, Weight};
use model::Model;

/// An eye sees no more, and a slow remote terminal keeps up.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// Events come in bursts, and who reads each as it comes is woken for each.
const REST: Duration = Duration::from_millis(10);

/// Events taken in before what they say is shown.
const AT_ONCE: usize = 256;

/// Reads events until the run ends, and shows them.
pub async fn show(mut events: UnboundedReceiver<Event>, animation: Animation, output: Output) {
    let mut model = Model::new(output.verbosity(), TimeZone::system(), now());
    let is_live = animation == Animation::Bars;
    if is_live {
        pause::listen();
    }
    // Drawn by the clock, not by events: thousands of them a second would only cost time, and waits
    // count down although nothing happens.
    let mut tick = tokio::time::interval(REDRAW_EVERY);
    let mut news = Vec::with_capacity(AT_ONCE);
    loop {
        tokio::select! {
            count = events.recv_many(&mut news, AT_ONCE) => {
                if count == 0 {
                    break;
                }
                let lines: Vec<_> = news.drain(..).flat_map(|event| model.apply(event)).collect();
                for line in &lines {
                    print(output, animation, line);
                }
                if count < AT_ONCE {
                    tokio::time::sleep(REST).await;
                }
            }
            _ = tick.tick(), if is_live => {
                let size = block::size();
                let view = model.view(now(), screen::room(size.rows));
                output.live(screen::lines(view, size.columns));
            }
        }
    }
    if is_live {
        output.live(Vec::new());
    }
}

fn now() -> Millis {
    Timestamp::now().as_millisecond()
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
