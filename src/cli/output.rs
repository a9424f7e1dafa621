//! The only printer: data to standard output, text for people to standard error.
//!
//! A reader that went away (`| head`) ends the data quietly; text for people that cannot be shown is
//! dropped, as there is nobody left to tell. Live lines of a run stay at the bottom of the terminal, whoever prints.
//!
//! Whatever was put into a line came from outside, as far as the printer knows: it is printed as [`text::line`] shows
//! it, so that it neither ends the line nor is obeyed by the terminal. Data goes through a [`Guard`].

pub(super) mod block;
mod columns;
mod local;
pub(super) mod pause;

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal as _, Write};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;

pub(super) use columns::columns;
use local::LocalLines;

use super::carried::complete;
use crate::failure::Failure;
use crate::settings::{Coloured, Settings, Verbosity};
use crate::text::{self, Guard, Page, Syntax};

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Where a command's words go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    stdout: ColorChoice,
    stderr: ColorChoice,
    verbosity: Verbosity,
}

impl Output {
    /// The output that the settings ask for.
    pub const fn new(settings: &Settings) -> Self {
        Self {
            stdout: choice(settings.stdout_colour),
            stderr: choice(settings.stderr_colour),
            verbosity: settings.verbosity,
        }
    }

    /// The output before there are settings: no colour.
    pub const fn plain() -> Self {
        Self {
            stdout: ColorChoice::Never,
            stderr: ColorChoice::Never,
            verbosity: Verbosity::Normal,
        }
    }

    /// The same, which says errors only.
    pub const fn quiet(self) -> Self {
        Self {
            verbosity: Verbosity::Quiet,
            ..self
        }
    }

    /// How much is said.
    pub const fn verbosity(self) -> Verbosity {
        self.verbosity
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    /// When standard output cannot be written, other than because its reader went away.
    pub fn data(
        self,
        syntax: Syntax,
        write: impl FnOnce(&mut dyn Write) -> Result<(), anyhow::Error>,
    ) -> Result<(), Failure> {
        let mut out = self.stdout();
        let written = write(&mut Guard::new(&mut out, syntax));
        finish(out, written)
    }

    /// Writes a text for people to standard output, line by line.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub fn page(
        self,
        write: impl FnOnce(&mut Page<&mut dyn Write>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let mut out = self.stdout();
        let written = write(&mut Page::new(&mut out));
        finish(out, written.map_err(Into::into))
    }

    fn stdout(self) -> BufWriter<Watched<Stdout>> {
        BufWriter::new(Watched::new(AutoStream::new(
            io::stdout().lock(),
            self.stdout,
        )))
    }

    /// As [`Output::data`], for data that takes waiting to get.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub async fn stream(
        self,
        syntax: Syntax,
        write: impl AsyncFnOnce(&mut dyn Write) -> Result<(), anyhow::Error>,
    ) -> Result<(), Failure> {
        let mut out = self.stdout();
        let written = write(&mut Guard::new(&mut out, syntax)).await;
        finish(out, written)
    }

    /// As [`Output::page`], for a text that takes waiting to get, and whose times are in UTC: on a terminal they are
    /// those of the person's zone, in a file they stay.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub async fn stream_page(
        self,
        write: impl AsyncFnOnce(&mut Page<&mut dyn Write>) -> Result<(), anyhow::Error>,
    ) -> Result<(), Failure> {
        let mut out = self.stdout();
        let written = if io::stdout().is_terminal() {
            let mut lines = LocalLines::new(&mut out, TimeZone::system());
            let written = write(&mut Page::new(&mut lines)).await;
            written.and_then(|()| Ok(lines.flush()?))
        } else {
            write(&mut Page::new(&mut out)).await
        };
        finish(out, written)
    }

    /// Writes one text to standard output, which has lines of its own.
    ///
    /// # Errors
    /// As [`Output::data`].
    pub fn text(self, text: &str) -> Result<(), Failure> {
        self.page(|page| {
            let mut lines = text.lines();
            lines.try_for_each(|line| page.line(format_args!("{}", complete(line))))
        })
    }

    /// A line for people; silent with `--summary`.
    pub fn note(self, line: impl Display) {
        self.from(Verbosity::Normal, format_args!("{line}"));
    }

    /// A change, or what all came to; silent with `-q`.
    pub fn total(self, line: impl Display) {
        self.from(Verbosity::Summary, format_args!("{line}"));
    }

    /// A line for people who want to know more: only with `-v`.
    pub fn more(self, line: impl Display) {
        self.from(Verbosity::Steps, format_args!("{line}"));
    }

    /// Something people should know although the command continues; silent with `-q`.
    pub fn warning(self, message: impl Display) {
        self.total(format_args!("{YELLOW}warning{YELLOW:#}: {message}"));
    }

    fn from(self, verbosity: Verbosity, line: std::fmt::Arguments<'_>) {
        if self.verbosity >= verbosity {
            self.write(line);
        }
    }

    /// A line about something that went wrong; never silent.
    pub fn error(self, message: impl Display) {
        self.write(format_args!("{RED}error{RED:#}: {message}"));
    }

    /// The next command or edit; never silent, as it belongs to an error.
    pub fn hint(self, hint: impl Display) {
        self.write(format_args!("{CYAN}hint{CYAN:#}: {hint}"));
    }

    /// A line that belongs to an error; never silent.
    pub fn detail(self, line: impl Display) {
        self.write(format_args!("{line}"));
    }

    /// Lines that belong to an error, or to what was asked for; never silent.
    pub fn details(self, text: &str) {
        text.lines().for_each(|line| self.detail(line));
    }

    /// What all came to, in lines; silent with `-q`.
    pub fn totals(self, text: &str) {
        text.lines().for_each(|line| self.total(line));
    }

    /// A failure as people see it.
    pub fn failure(self, failure: &Failure) {
        self.error(local_times(&failure.to_string()));
        if let Some(hint) = &failure.hint {
            self.hint(local_times(hint));
        }
    }

    /// The last line of a process that ends at once.
    pub fn farewell(self, line: impl Display) {
        block::show(Vec::new());
        self.total(line);
    }

    /// Shows lines at the bottom of the terminal until others take their place; none takes them away.
    pub fn live(self, lines: Vec<String>) {
        let shown = lines.into_iter().map(|line| {
            let line = match self.stderr {
                ColorChoice::Never => strip_str(&line).to_string(),
                _ => line,
            };
            text::line(&line).into_owned()
        });
        block::show(shown.collect());
    }

    fn write(self, line: std::fmt::Arguments<'_>) {
        let line = line.to_string();
        let line = complete(&line);
        let mut line = text::line(&line).into_owned();
        // In one piece, between the lines of whoever else writes there.
        line.push('\n');
        // A closed terminal must not stop the work.
        drop(block::above(|stderr| {
            AutoStream::new(stderr, self.stderr).write_all(line.as_bytes())
        }));
    }
}

/// A text for people, with the times in it, which are in UTC, as those of their zone.
pub(super) fn local_times(text: &str) -> Cow<'_, str> {
    local::local(text, &TimeZone::system())
}

type Stdout = AutoStream<io::StdoutLock<'static>>;

/// A writer that remembers that its reader went away, whatever becomes of the error on its way.
struct Watched<W> {
    out: W,
    is_gone: bool,
}

impl<W> Watched<W> {
    const fn new(out: W) -> Self {
        Self {
            out,
            is_gone: false,
        }
    }

    fn watch<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &done {
            self.is_gone |= error.kind() == io::ErrorKind::BrokenPipe;
        }
        done
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.watch(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.watch(flushed)
    }
}

fn finish<W: Write>(
    mut out: BufWriter<Watched<W>>,
    written: anyhow::Result<()>,
) -> Result<(), Failure> {
    let written = written.and_then(|()| Ok(out.flush()?));
    // What is still buffered may have no reader; dropping the writer would try again.
    let (watched, _) = out.into_parts();
    match written {
        Err(_) if watched.is_gone => Ok(()),
        Err(error) => Err(Failure::usage(
            error.context("standard output cannot be written"),
        )),
        Ok(()) => Ok(()),
    }
}

const fn choice(coloured: Coloured) -> ColorChoice {
    match coloured {
        Coloured::Yes => ColorChoice::AlwaysAnsi,
        Coloured::No => ColorChoice::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refusing(io::ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        for (kind, code) in [
            (io::ErrorKind::BrokenPipe, None),
            (io::ErrorKind::StorageFull, Some(2)),
        ] {
            for size in [10, 100_000] {
                let mut out = BufWriter::new(Watched::new(Refusing(kind)));
                let written = out.write_all(&vec![b'x'; size]);
                // Whoever writes may make another error of it.
                let written = written.map_err(|error| anyhow::anyhow!("{error}"));
                let failed = finish(out, written).err();
                assert_eq!(
                    failed.map(|failed| failed.kind.exit_code()),
                    code,
                    "{kind} {size}"
                );
            }
        }
    }
}
