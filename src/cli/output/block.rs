//! Lines at the bottom of the terminal that are drawn again and again while others are printed above them.
//!
//! Between two drawings the cursor rests at the beginning of the first of these lines. A terminal that is resized
//! wraps, cuts and moves what it shows, each kind in its own way, but keeps the cursor at its text: so what is below
//! the cursor is ours at any time, however many rows it takes by then, and is erased without counting them. (What a
//! terminal moves out of its screen when it becomes smaller nobody can erase; few lines are drawn, so that they still
//! fit.)

use std::fmt::Write as _;
use std::io::{self, Write};

use console::{Term, truncate_str};
use parking_lot::Mutex;

/// The process has one terminal.
static BLOCK: Mutex<Block> = Mutex::new(Block::new());

/// Size of a terminal that does not tell it.
const USUAL: Size = Size {
    rows: 24,
    columns: 80,
};

/// From here to the end of the screen.
const ERASE: &str = "\r\x1b[J";

/// Size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Size {
    pub rows: u16,
    pub columns: u16,
}

impl Size {
    fn of_stderr() -> Self {
        let size = Term::stderr().size_checked();
        size.filter(|(rows, columns)| *rows > 0 && *columns > 0)
            .map_or(USUAL, |(rows, columns)| Self { rows, columns })
    }
}

/// What is drawn now.
struct Block {
    lines: Vec<String>,
    drawn: Option<Size>,
}

impl Block {
    const fn new() -> Self {
        Self {
            lines: Vec::new(),
            drawn: None,
        }
    }

    fn erase(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.drawn.take().is_some() {
            out.write_all(ERASE.as_bytes())?;
        }
        Ok(())
    }

    fn draw(&mut self, out: &mut impl Write, size: Size) -> io::Result<()> {
        let before = self.drawn.take();
        if !self.lines.is_empty() {
            out.write_all(frame(&self.lines, size).as_bytes())?;
            self.drawn = Some(size);
        } else if before.is_some() {
            out.write_all(ERASE.as_bytes())?;
        }
        out.flush()
    }
}

/// Shows these lines from now on, the last one at the bottom; draws only what differs. Nothing is drawn while the
/// process is in the background: the terminal is another's then.
pub(in crate::cli) fn show(lines: Vec<String>) {
    let mut block = BLOCK.lock();
    let size = Size::of_stderr();
    if !is_in_foreground() {
        block.drawn = None;
        return;
    }
    if block.lines == lines && (block.drawn == Some(size) || lines.is_empty()) {
        return;
    }
    block.lines = lines;
    // A closed terminal must not stop the work.
    drop(block.draw(&mut io::stderr().lock(), size));
}

/// Size of the terminal that the lines are shown on.
pub(in crate::cli) fn size() -> Size {
    Size::of_stderr()
}

/// Takes the lines off the screen until they are shown again.
pub(in crate::cli) fn erase() {
    // Nobody is left to see it where it fails.
    drop(BLOCK.lock().erase(&mut io::stderr().lock()));
}

/// Writes something above the lines.
pub(super) fn above(
    write: impl FnOnce(&mut io::StderrLock<'static>) -> io::Result<()>,
) -> io::Result<()> {
    let mut block = BLOCK.lock();
    let mut out = io::stderr().lock();
    let was_drawn = block.drawn.is_some();
    block.erase(&mut out)?;
    write(&mut out)?;
    if was_drawn {
        block.draw(&mut out, Size::of_stderr())?;
    }
    Ok(())
}

/// What draws the lines from the cursor on, and leaves the cursor where it was. On a terminal with less room the last
/// lines are shown, each as far as it fits: a line that filled a row would wrap.
fn frame(lines: &[String], size: Size) -> String {
    let room = usize::from(size.rows).saturating_sub(1).max(1);
    let width = usize::from(size.columns).saturating_sub(1);
    let shown = &lines[lines.len().saturating_sub(room)..];
    let mut text = String::from("\r");
    for (at, line) in shown.iter().enumerate() {
        if at > 0 {
            text.push_str("\r\n");
        }
        if width > 0 {
            text.push_str(&truncate_str(line, width, "…"));
        }
        text.push_str("\x1b[K");
    }
    text.push_str("\x1b[J\r");
    if shown.len() > 1 {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "\x1b[{}A", shown.len() - 1);
    }
    text
}

/// Whether what we write to the terminal is what its user looks at.
fn is_in_foreground() -> bool {
    let at_work = rustix::termios::tcgetpgrp(io::stderr());
    at_work.map_or(true, |group| group == rustix::process::getpgrp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_frame_fits_the_terminal_and_ends_where_it_begins() {
        for (rows, columns, text, wanted) in [
            (24, 80, &["one"][..], "\rone\x1b[K\x1b[J\r"),
            (
                24,
                80,
                &["one", "two"],
                "\rone\x1b[K\r\ntwo\x1b[K\x1b[J\r\x1b[1A",
            ),
            (24, 6, &["123456"], "\r1234…\x1b[K\x1b[J\r"),
            (24, 7, &["123456"], "\r123456\x1b[K\x1b[J\r"),
            (
                24,
                5,
                &["\x1b[31m123456\x1b[0m"],
                "\r\x1b[31m123…\x1b[0m\x1b[K\x1b[J\r",
            ),
            (24, 5, &["日本語"], "\r日…\x1b[K\x1b[J\r"),
            (
                3,
                80,
                &["one", "two", "three"],
                "\rtwo\x1b[K\r\nthree\x1b[K\x1b[J\r\x1b[1A",
            ),
            (1, 80, &["one", "two"], "\rtwo\x1b[K\x1b[J\r"),
            (24, 1, &["one"], "\r\x1b[K\x1b[J\r"),
        ] {
            let size = Size { rows, columns };
            assert_eq!(frame(&lines(text), size), wanted, "{size:?} {text:?}");
        }
    }

    #[test]
    fn what_is_drawn_is_erased_once() {
        let size = USUAL;
        let mut out = Vec::new();
        let mut block = Block::new();
        block.erase(&mut out).unwrap();
        assert!(out.is_empty());
        block.lines = lines(&["one"]);
        block.draw(&mut out, size).unwrap();
        block.erase(&mut out).unwrap();
        block.erase(&mut out).unwrap();
        assert_eq!(out, b"\rone\x1b[K\x1b[J\r\r\x1b[J");
        out.clear();
        block.draw(&mut out, size).unwrap();
        block.lines.clear();
        block.draw(&mut out, size).unwrap();
        block.draw(&mut out, size).unwrap();
        assert_eq!(out, b"\rone\x1b[K\x1b[J\r\r\x1b[J");
    }
}
