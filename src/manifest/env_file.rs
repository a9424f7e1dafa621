//! `--env-file`: variables for `env:` references, in a documented part of what is known as dotenv. They are kept
//! here and nowhere else: not in the process's environment, so that no child gets them. What the process's own
//! environment says wins.
//!
//! ```text
//! # a comment
//! ACME_OKTA_TOKEN=00aB… # what follows a blank and # is one, too
//! export ZSCALER_TOKEN='taken as it stands'
//! OFFICE_PASSWORD="with \" \\ \n \r \t, and nothing is put in for a $NAME"
//! ```

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::input::{ManifestError, Start, not_utf8, open};
use super::problem::Problem;
use super::secret::is_variable;

/// What a file of variables may measure, in bytes: 200 of them are some 20 KiB.
const MAX_BYTES: u64 = 1024 * 1024;

/// The variables of a file.
#[derive(Debug, Default)]
pub struct EnvFile {
    file: PathBuf,
    values: HashMap<String, SecretString>,
}

/// The file of this process, given once before anything is read, like the environment it adds to.
static GIVEN: OnceLock<EnvFile> = OnceLock::new();

impl EnvFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Every mistake in it by its line, without any of its text.
    pub fn read(file: &Path) -> Result<Self, Vec<Problem>> {
        let text = load(file)?;
        let mut reader = Reader::new(file, &text);
        reader.read();
        if !reader.problems.is_empty() {
            return Err(reader.problems);
        }
        let values = reader.found.into_iter();
        Ok(Self {
            file: file.to_owned(),
            values: values.map(|(name, (value, _))| (name, value)).collect(),
        })
    }

    /// The names of its variables, in order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.values.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Gives the variables to every reference that is read from now on. Only the first file is taken.
    pub fn give(self) {
        // A second one cannot come: the command line takes one.
        drop(GIVEN.set(self));
    }
}

/// A variable of the given file.
pub(super) fn get(name: &str) -> Option<SecretString> {
    GIVEN.get()?.values.get(name).cloned()
}

/// The given file.
pub(super) fn given() -> Option<&'static Path> {
    Some(&GIVEN.get()?.file)
}

/// Whether others than its owner may read a file; a pipe is nobody's else.
#[cfg(unix)]
pub fn is_open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata()
        .is_ok_and(|data| data.is_file() && data.mode() & 0o044 != 0)
}

/// Not known here.
#[cfg(not(unix))]
pub fn is_open_to_others(_: &Path) -> bool {
    false
}

fn load(file: &Path) -> Result<Zeroizing<String>, Vec<Problem>> {
    let unreadable = |error: ManifestError| {
        let text = error.to_string();
        let shown = format!("{}: ", file.display());
        let mut problem = Problem::of_file(file, text.strip_prefix(&shown).unwrap_or(&text));
        problem.hint = error.hint();
        vec![problem]
    };
    let opened = open(file).map_err(unreadable)?;
    let mut bytes = Zeroizing::new(Vec::new());
    opened
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(ManifestError::unreadable(file, error)))?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = "is over 1 MiB, which no file of variables is";
        return Err(vec![Problem::of_file(file, message)]);
    }
    if Start::of(&bytes) == Start::Utf16 {
        let problem = Problem::of_file(file, "is UTF-16 text; only UTF-8 is read");
        return Err(vec![problem.hint("save it as UTF-8")]);
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            Ok(Zeroizing::new(text.to_owned()))
        }
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            Err(vec![not_utf8(file, valid, 1)])
        }
    }
}

/// Why a line says nothing that can be used; none of it is repeated.
struct Mistake(&'static str, Option<&'static str>);

/// Takes a text apart. A value in quotes may go over several lines.
struct Reader<'a> {
    file: &'a Path,
    rest: &'a str,
    line: u64,
    /// Values, and the line of each.
    found: HashMap<String, (SecretString, u64)>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            rest: text,
            line: 1,
            found: HashMap::new(),
            problems: Vec::new(),
        }
    }

    fn read(&mut self) {
        while !self.rest.is_empty() {
            let line = self.line;
            if let Err(Mistake(message, hint)) = self.assignment() {
                self.refuse(line, message.to_owned(), hint);
                self.skip_line();
            }
        }
    }

    fn refuse(&mut self, line: u64, message: String, hint: Option<&str>) {
        let mut problem = Problem::of_file(self.file, message);
        problem.line = Some(line);
        problem.hint = hint.map(str::to_owned);
        self.problems.push(problem);
    }

    fn assignment(&mut self) -> Result<(), Mistake> {
        let line = self.this_line();
        if is_remark(line) {
            self.skip_line();
            return Ok(());
        }
        let (left, _) = line.split_once('=').ok_or(Mistake(
            "expects NAME=VALUE, a comment or an empty line",
            Some("a value that goes over several lines needs quotes around it"),
        ))?;
        let name = left.trim_start();
        let name = match name.strip_prefix("export") {
            Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
            _ => name,
        };
        if !is_variable(name) {
            return Err(Mistake(
                "what stands before `=` is no name of a variable",
                Some("letters, digits and _ only, and no blank before ="),
            ));
        }
        let (name, number) = (name.to_owned(), self.line);
        self.rest = &self.rest[left.len() + 1..];
        let value = match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote)?,
            _ => self.bare()?,
        };
        self.skip_line();
        if let Some((_, first)) = self.found.get(&name) {
            let message = format!("{name} is given in line {first}, too");
            self.refuse(number, message, None);
        } else {
            self.found.insert(name, (value, number));
        }
        Ok(())
    }

    // A value without quotes ends with the line, or before a comment.
    fn bare(&self) -> Result<SecretString, Mistake> {
        let line = self.this_line();
        let end = [" #", "\t#"].iter().filter_map(|c| line.find(c)).min();
        let value = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
        let value = value.trim_ascii();
        if value.contains([' ', '\t']) {
            return Err(Mistake(
                "has a blank inside the value",
                Some("put the value into single quotes if it belongs there"),
            ));
        }
        Ok(value.to_owned().into())
    }

    // A value in quotes; afterwards what is left of its last line may only be a comment.
    fn quoted(&mut self, quote: char) -> Result<SecretString, Mistake> {
        let mut value = Zeroizing::new(String::new());
        let mut rest = self.rest.chars();
        rest.next();
        loop {
            match rest.next() {
                None => {
                    self.rest = "";
                    return Err(Mistake("a quote opened here is never closed", None));
                }
                Some(c) if c == quote => break,
                Some('\\') if quote == '"' => value.push(escaped(rest.next())?),
                Some(c) => value.push(c),
            }
        }
        let read = &self.rest[..self.rest.len() - rest.as_str().len()];
        self.line += read.matches('\n').count() as u64;
        self.rest = rest.as_str();
        if !is_remark(self.this_line()) {
            return Err(Mistake(
                "something follows the closing quote",
                Some("a quote inside single quotes cannot be written; in double quotes write \\\""),
            ));
        }
        Ok(std::mem::take(&mut *value).into())
    }

    fn this_line(&self) -> &'a str {
        let line = self.rest.split('\n').next().unwrap_or_default();
        line.strip_suffix('\r').unwrap_or(line)
    }

    fn skip_line(&mut self) {
        self.line += 1;
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
}

fn escaped(c: Option<char>) -> Result<char, Mistake> {
    match c {
        Some('n') => Ok('\n'),
        Some('r') => Ok('\r'),
        Some('t') => Ok('\t'),
        Some(c @ ('\\' | '"' | '$' | '`' | '\'')) => Ok(c),
        _ => Err(Mistake(
            "has a backslash in double quotes that escapes nothing known",
            Some("write it twice, or use single quotes"),
        )),
    }
}

fn is_remark(rest: &str) -> bool {
    let rest = rest.trim_ascii_start();
    rest.is_empty() || rest.starts_with('#')
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, Vec<String>> {
        let mut reader = Reader::new(Path::new("x.env"), text);
        reader.read();
        if !reader.problems.is_empty() {
            return Err(reader.problems.iter().map(Problem::to_string).collect());
        }
        let found = reader.found.into_iter();
        let mut found: Vec<_> = found
            .map(|(name, (value, _))| (name, value.expose_secret().to_owned()))
            .collect();
        found.sort();
        Ok(found)
    }

    #[test]
    fn the_documented_part_of_dotenv_is_read() {
        for (text, value) in [
            ("A=b", "b"),
            ("A=b\r\n", "b"),
            ("\n# c\n  # d\nA=b\n\n", "b"),
            ("export A=b", "b"),
            ("  export\tA=b  ", "b"),
            ("A=", ""),
            ("A=   # nothing", ""),
            ("A= b", "b"),
            ("A=b # c", "b"),
            ("A=b\t#c", "b"),
            ("A=b#c", "b#c"),
            ("A=#c", "#c"),
            ("A=b=c==", "b=c=="),
            ("A=$B${C}`d`\\n", "$B${C}`d`\\n"),
            ("A='b c # d $E \\n'", "b c # d $E \\n"),
            ("A=\"b c # d $E\"  # f", "b c # d $E"),
            (r#"A="\"\\\n\t\r\$\`""#, "\"\\\n\t\r$`"),
            ("A=\"b\nc\"\n", "b\nc"),
            ("A='b\n\nc'", "b\n\nc"),
            ("A=''", ""),
            ("A=pässwörd", "pässwörd"),
        ] {
            let expected = vec![("A".to_owned(), value.to_owned())];
            assert_eq!(read(text), Ok(expected), "{text:?}");
        }
        assert_eq!(read("").map(|found| found.len()), Ok(0));
        let two = read("A=\"1\n2\"\nB=3\nC='4'\n").expect("right");
        assert_eq!(two.len(), 3, "{two:?}");
    }

    #[test]
    fn every_mistake_is_reported_with_its_line_and_none_of_its_text() {
        for (text, expected) in [
            (
                "hunter2",
                "x.env:1: expects NAME=VALUE, a comment or an empty line",
            ),
            (
                "\nhunter 2=x",
                "x.env:2: what stands before `=` is no name of a variable",
            ),
            (
                "A =hunter2",
                "x.env:1: what stands before `=` is no name of a variable",
            ),
            (
                "=hunter2",
                "x.env:1: what stands before `=` is no name of a variable",
            ),
            (
                "2A=hunter2",
                "x.env:1: what stands before `=` is no name of a variable",
            ),
            ("A=hunter 2", "x.env:1: has a blank inside the value"),
            (
                "# c\nA='hunter2\nB=x\n",
                "x.env:2: a quote opened here is never closed",
            ),
            (
                "A='hunter2'x",
                "x.env:1: something follows the closing quote",
            ),
            (
                r#"A="hunter\2""#,
                "x.env:1: has a backslash in double quotes that escapes nothing known",
            ),
            ("A=1\nB=2\nA=hunter2", "x.env:3: A is given in line 1, too"),
        ] {
            let problems = read(text).expect_err(text);
            assert_eq!(problems, [expected], "{text:?}");
        }
        let all = read("A=1\nx\nB=\"1\n2\"\ny\nC='").expect_err("three mistakes");
        let lines: Vec<_> = all.iter().map(|text| &text[..8]).collect();
        assert_eq!(lines, ["x.env:2:", "x.env:5:", "x.env:6:"]);
    }

    #[test]
    fn files_that_are_none_say_why() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("x.env");
        for (bytes, expected) in [
            (b"\xff\xfeA\0=\0".to_vec(), "is UTF-16 text"),
            (
                b"A=1\nB=\xe9\n".to_vec(),
                "is not UTF-8 (byte 3 of the line)",
            ),
            (vec![b'#'; 2_000_000], "is over 1 MiB"),
        ] {
            std::fs::write(&file, bytes).expect("written");
            let problems = EnvFile::read(&file).expect_err(expected);
            assert!(problems[0].message.starts_with(expected), "{problems:?}");
        }
        std::fs::write(&file, "\u{feff}B=1\nA=hunter2\n").expect("written");
        let read = EnvFile::read(&file).expect("right");
        assert_eq!(read.names(), ["A", "B"]);
        assert!(!format!("{read:?}").contains("hunter"), "{read:?}");
        let problems = EnvFile::read(&folder.path().join("none.env")).expect_err("missing");
        assert_eq!(problems[0].message, "no such file");
        let problems = EnvFile::read(folder.path()).expect_err("a folder");
        assert!(
            problems[0].message.starts_with("is a folder"),
            "{problems:?}"
        );
    }
}
