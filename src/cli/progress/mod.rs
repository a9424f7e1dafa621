//! Shows that a run moves: a reader of its events. [`model`] decides what to say and show and is
//! pure; this file puts it on the terminal, as a bar with live lines or as plain lines.

mod line;
mod model;

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc::UnboundedReceiver;

use super::output::Output;
use crate::event::Event;
use crate::settings::{Animation, Verbosity};
use line::{Line, Weight};
use model::Model;

/// An eye sees no more, and a slow remote terminal keeps up.
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// Events come in bursts, and who reads each as it comes is woken for each.
const REST: Duration = Duration::from_millis(10);

/// Events taken in before what they say is shown.
const AT_ONCE: usize = 256;

const BAR: &str = "{bar:30} {pos}/{len}  {msg}";
const NO_BAR: &str = "{msg}";

/// Reads events until the run ends, and shows them.
pub async fn show(mut events: UnboundedReceiver<Event>, animation: Animation, output: Output) {
    let mut model = Model::new(output.verbosity(), TimeZone::system());
    let mut screen = match animation {
        Animation::Bars => Some(Screen::new()),
        Animation::Lines => None,
    };
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
                match &screen {
                    Some(screen) => screen.above(output, &lines),
                    None => lines.iter().for_each(|line| print(output, line)),
                }
                if count < AT_ONCE {
                    tokio::time::sleep(REST).await;
                }
            }
            _ = tick.tick(), if screen.is_some() => {
                if let Some(screen) = &mut screen {
                    screen.draw(&model);
                }
            }
        }
    }
    if let Some(screen) = screen {
        screen.clear();
    }
}

fn print(output: Output, line: &Line) {
    match line.weight {
        Weight::News => output.note(&line.text),
        Weight::Error => output.detail(&line.text),
    }
}

/// The bar at the bottom and the live lines above it.
struct Screen {
    all: MultiProgress,
    bar: ProgressBar,
    lines: Vec<ProgressBar>,
}

impl Screen {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bar = all.add(ProgressBar::new(0).with_style(style(NO_BAR)));
        Self {
            all,
            bar,
            lines: Vec::new(),
        }
    }

    /// Prints lines above the bar: errors always, news only with `-v`, as the bar shows them.
    fn above(&self, output: Output, lines: &[Line]) {
        let news = output.verbosity() > Verbosity::Normal;
        let shown = |line: &&Line| news || line.weight == Weight::Error;
        if lines.iter().any(|line| shown(&line)) {
            self.all.suspend(|| {
                for line in lines.iter().filter(shown) {
                    print(output, line);
                }
            });
        }
    }

    fn draw(&mut self, model: &Model) {
        let view = model.view(Timestamp::now().as_millisecond());
        // Where nobody knows how much there is to do, only the lines are shown.
        self.bar
            .set_style(style(if view.entries == 0 { NO_BAR } else { BAR }));
        self.bar.set_length(view.entries);
        self.bar.set_position(view.ended);
        self.bar.set_message(view.message);
        while self.lines.len() < view.live.len() {
            let line = ProgressBar::new_spinner().with_style(style("{wide_msg}"));
            self.lines.push(self.all.insert_before(&self.bar, line));
        }
        for surplus in self.lines.drain(view.live.len()..) {
            self.all.remove(&surplus);
        }
        for (line, text) in self.lines.iter().zip(view.live) {
            line.set_message(text);
        }
    }

    fn clear(self) {
        // The screen is being left; a terminal that is gone needs no clearing.
        drop(self.all.clear());
    }
}

/// A style of this file's own templates.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
