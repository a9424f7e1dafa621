//! The bar and its count are indicatif's, drawn into a text instead of onto the terminal: they are one of several lines
//! that are drawn and erased together.

use std::io;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use parking_lot::Mutex;

/// Columns that indicatif may use, more than it needs; what it does not use it fills with blanks.
const COLUMNS: u16 = 120;

/// `██████░░░░░░ 3/6`, the bar in so many columns; in none only the count.
pub(super) fn bar(ended: u64, entries: u64, width: u16) -> String {
    let template = match width {
        0 => "{pos}/{len}".to_owned(),
        width => format!("{{bar:{width}}} {{pos}}/{{len}}"),
    };
    // A template that is none would lose the bar and nothing else; the test looks at it.
    let style =
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let drawn = Drawn::default();
    let target = ProgressDrawTarget::term_like(Box::new(drawn.clone()));
    let bar = ProgressBar::with_draw_target(Some(entries), target)
        .with_style(style.progress_chars("█░"))
        .with_position(ended);
    bar.tick();
    drawn.text()
}

/// A terminal of one line, which is kept.
#[derive(Clone, Debug, Default)]
struct Drawn(Arc<Mutex<String>>);

impl Drawn {
    fn text(&self) -> String {
        self.0.lock().trim_end().to_owned()
    }
}

impl TermLike for Drawn {
    fn width(&self) -> u16 {
        COLUMNS
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.lock().push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.lock().clear();
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
