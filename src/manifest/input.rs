//! Opening files and reading their bytes once: kind by extension, byte order marks, the digest that is
//! taken while the bytes pass, and the errors that stop a file from being read at all.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::problem::Problem;
use crate::input::{self, Input};

/// Bytes read at a time: large enough that system calls do not show, small beside everything else.
const CHUNK: usize = 256 * 1024;

/// The largest JSON file that is read, in bytes: a JSON manifest is held in memory as a whole.
const MAX_JSON: u64 = 256 * 1024 * 1024;

/// How a manifest or orgs file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Json,
    Jsonl,
}

/// A file that cannot be read at all, as opposed to one with mistakes in it.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// There is no such file.
    #[error("{}: no such file", .0.display())]
    Missing(PathBuf),
    /// It is a folder.
    #[error("{}: is a folder, not a file", .0.display())]
    Folder(PathBuf),
    /// Permissions, a broken disk, …
    #[error("{}: cannot be read: {error}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The extension says nothing.
    #[error("{}: a manifest ends in .csv, .json or .jsonl", .0.display())]
    UnknownFormat(PathBuf),
    /// The orgs have mistakes ([`super::read_orgs`] only; `check` lists them with all others).
    #[error("{}", first(.0))]
    Orgs(Vec<Problem>),
}

fn first(problems: &[Problem]) -> String {
    match problems {
        [] => "the orgs have mistakes".to_owned(),
        [one] => one.to_string(),
        [one, rest @ ..] => format!("{one} (and {} more)", rest.len()),
    }
}

impl ManifestError {
    pub(super) fn unreadable(file: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(file.to_owned()),
            io::ErrorKind::IsADirectory => Self::Folder(file.to_owned()),
            _ => Self::Unreadable {
                file: file.to_owned(),
                error,
            },
        }
    }

    /// The edit or command that helps.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownFormat(file) => Some(match file.extension() {
                Some(extension) if extension.eq_ignore_ascii_case("toml") => {
                    "a .toml file is a job: give it to check or run as FILE".to_owned()
                }
                _ => "rename the file after what it contains".to_owned(),
            }),
            Self::Orgs(problems) => problems.first().and_then(|problem| problem.hint.clone()),
            Self::Unreadable { error, .. } => input::hint(error).map(str::to_owned),
            _ => None,
        }
    }
}

/// The format a file's name promises.
pub(super) fn format(file: &Path) -> Result<Format, ManifestError> {
    let extension = file.extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("csv") => Ok(Format::Csv),
        Some("json") => Ok(Format::Json),
        Some("jsonl") => Ok(Format::Jsonl),
        _ => Err(ManifestError::UnknownFormat(file.to_owned())),
    }
}

/// The folder that `file:` references of a file are relative to.
pub(super) fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A path wherever somebody stands.
pub(super) fn absolute(path: &Path) -> PathBuf {
    // Only an empty path or a vanished current folder has no absolute form.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// How many lines end in these bytes.
pub(super) fn line_ends(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Opens a file, but not a folder.
pub(super) fn open(file: &Path) -> Result<Input, ManifestError> {
    input::open(file).map_err(|error| ManifestError::unreadable(file, error))
}

/// SHA-256 (hex) of a file's bytes.
///
/// # Errors
/// When the file cannot be read.
pub fn digest(file: &Path) -> io::Result<String> {
    let mut stream = Stream::new(input::open(file)?);
    stream.drain()?;
    Ok(stream.digest())
}

/// A file as a buffered stream whose digest is known at its end.
pub(super) struct Stream<R>(BufReader<Digesting<R>>);

struct Digesting<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        // `Read` promises that `length` is within the buffer.
        if let Some(read) = buffer.get(..length) {
            self.hasher.update(read);
        }
        Ok(length)
    }
}

/// How a text file begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Nothing unusual; a UTF-8 byte order mark has been skipped.
    Text,
    /// UTF-16, by its byte order mark or by its zeros.
    Utf16,
    /// A spreadsheet's own format.
    Spreadsheet,
    /// No bytes.
    Empty,
}

impl Start {
    /// By the first bytes.
    pub(super) fn of(head: &[u8]) -> Self {
        let utf16 = head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
        match head {
            [] => Self::Empty,
            _ if utf16 => Self::Utf16,
            [a, 0, b, 0, ..] | [0, a, 0, b, ..] if *a != 0 && *b != 0 => Self::Utf16,
            // A ZIP archive (.xlsx, .ods, .numbers), or what .xls is in.
            [b'P', b'K', 3, 4, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => Self::Spreadsheet,
            _ => Self::Text,
        }
    }
}

impl<R: Read> Stream<R> {
    pub(super) fn new(inner: R) -> Self {
        let hasher = Sha256::new();
        Self(BufReader::with_capacity(CHUNK, Digesting { inner, hasher }))
    }

    /// Looks at the first bytes and skips a UTF-8 byte order mark.
    pub(super) fn start(&mut self) -> io::Result<Start> {
        let head = self.0.fill_buf()?;
        let start = Start::of(head);
        if start == Start::Text && head.starts_with(&[0xef, 0xbb, 0xbf]) {
            self.0.consume(3);
        }
        Ok(start)
    }

    /// Reads on to the end, so that the digest covers the whole file.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        loop {
            let length = self.0.fill_buf()?.len();
            if length == 0 {
                return Ok(());
            }
            self.0.consume(length);
        }
    }

    pub(super) fn digest(self) -> String {
        hex::encode(self.0.into_inner().hasher.finalize())
    }
}

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> BufRead for Stream<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

/// Says why a file's first bytes stop it, if they do.
pub(super) fn refuse_start(file: &Path, start: Start) -> Option<Problem> {
    match start {
        Start::Text => None,
        Start::Empty => Some(Problem::of_file(file, "is empty")),
        Start::Spreadsheet => Some(
            Problem::of_file(file, "is a spreadsheet in its own format, not text")
                .hint("save it as CSV (in Excel: CSV UTF-8)"),
        ),
        Start::Utf16 => Some(
            Problem::of_file(file, "is UTF-16 text; only UTF-8 is read")
                .hint("save it as UTF-8 (in Excel: CSV UTF-8)"),
        ),
    }
}

/// Reads a whole JSON file of about this length (bytes) as text; what is wrong with its bytes is a problem of the file.
pub(super) fn read_text<R: Read>(
    file: &Path,
    stream: &mut Stream<R>,
    length: u64,
) -> io::Result<Result<String, Problem>> {
    if let Some(problem) = refuse_start(file, stream.start()?) {
        stream.drain()?;
        return Ok(Err(problem));
    }
    // As much as there is: a buffer that grows is there twice each time.
    let mut bytes = Vec::with_capacity(length.min(MAX_JSON + 1).try_into().unwrap_or_default());
    let length = stream.by_ref().take(MAX_JSON + 1).read_to_end(&mut bytes)?;
    stream.drain()?;
    if u64::try_from(length).map_or(true, |length| length > MAX_JSON) {
        let message = format!("is over {} MiB, too large for JSON", MAX_JSON >> 20);
        return Ok(Err(Problem::of_file(file, message).hint("use CSV or JSONL")));
    }
    Ok(String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        not_utf8(file, &error.as_bytes()[..valid], 1)
    }))
}

/// "Not UTF-8" after these valid bytes, which begin in line `first_line`.
pub(super) fn not_utf8(file: &Path, valid: &[u8], first_line: u64) -> Problem {
    let in_line = valid
        .iter()
        .rev()
        .take_while(|byte| **byte != b'\n')
        .count();
    let mut problem = Problem::of_file(
        file,
        format!("is not UTF-8 (byte {} of the line)", in_line + 1),
    )
    .hint("save it as UTF-8");
    problem.line = Some(first_line + line_ends(valid));
    problem
}
