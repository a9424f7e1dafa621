//! The state folder: one file of JSON lines per org, each line an app or an identity provider as it then was, or that one
//! is gone. The last line about one wins, so a process that was killed continues where it stood. Written through to the
//! operating system, not to the disk: a simulation survives kill -9, not a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::held::Held;
use super::idp::Idp;
use super::model::App;

/// Version of the record format, the first thing in every line.
const FORMAT: u32 = 2;

/// The oldest version that is still read: it had apps only.
const OLDEST: u32 = 1;

/// A state folder.
#[derive(Clone, Debug)]
pub(super) struct Store(PathBuf);

#[derive(Deserialize)]
struct Record {
    v: u32,
    app: Option<App>,
    idp: Option<Idp>,
    gone: Option<Box<str>>,
}

/// What a line is about.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Line<'a> {
    App(&'a App),
    Idp(&'a Idp),
    /// The id of an app or an identity provider.
    Gone(&'a str),
}

impl Store {
    /// Opens the folder, making it if need be.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// The port the last process listened on.
    pub(super) fn port(&self) -> Option<u16> {
        fs::read_to_string(self.0.join("port"))
            .ok()
            .and_then(|text| text.trim().parse().ok())
    }

    /// Remembers the port.
    pub(super) fn remember_port(&self, port: u16) -> io::Result<()> {
        fs::write(self.0.join("port"), format!("{port}\n"))
    }

    /// The file of the org with this host name.
    pub(super) fn file(&self, host: &str) -> PathBuf {
        self.0.join(format!("{host}.jsonl"))
    }
}

/// Reads what an org holds in the order it was written; a line cut off at the end is dropped from the
/// file, so that the next one starts on a line of its own.
pub(super) fn replay(file: &Path, held: &mut Held) -> io::Result<()> {
    let mut open = match File::options().read(true).write(true).open(file) {
        Ok(open) => open,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    open.read_to_end(&mut text)?;
    let whole = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    if whole < text.len() {
        open.set_len(whole as u64)?;
        open.seek(io::SeekFrom::End(0))?;
    }
    for (n, line) in text[..whole]
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
    {
        let record: Record = serde_json::from_slice(line).map_err(|error| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {}: {error}", n + 1),
            )
        })?;
        if !(OLDEST..=FORMAT).contains(&record.v) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {}: format {} instead of {FORMAT}", n + 1, record.v),
            ));
        }
        if let Some(app) = record.app {
            held.put(app);
        }
        if let Some(idp) = record.idp {
            held.put_idp(idp);
        }
        if let Some(id) = record.gone {
            held.forget(&id);
        }
    }
    Ok(())
}

/// Appends what now is.
pub(super) fn append(file: &Path, line: &Line<'_>) -> io::Result<()> {
    let mut record = serde_json::to_value(line)?;
    record["v"] = FORMAT.into();
    let mut line = serde_json::to_vec(&record)?;
    line.push(b'\n');
    // Opened for each line: thousands of orgs would otherwise use up the process's file handles.
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)?
        .write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_wins_and_a_torn_one_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("deep/er")).unwrap();
        let file = store.file("acme");
        let mut app = App::new("0oa1", "google", "one", 0);
        append(&file, &Line::App(&app)).unwrap();
        app.label = "two".into();
        append(&file, &Line::App(&app)).unwrap();
        let torn = br#"{"v":2,"app":{"id":"0oa1","#;
        OpenOptions::new()
            .append(true)
            .open(&file)
            .unwrap()
            .write_all(torn)
            .unwrap();

        let labels = || {
            let mut held = Held::default();
            replay(&file, &mut held).unwrap();
            let labels = held.apps.into_iter().map(|app| app.label.into_string());
            labels.collect::<Vec<_>>()
        };
        assert_eq!(labels(), ["two"]);
        app.label = "three".into();
        append(&file, &Line::App(&app)).unwrap();
        assert_eq!(labels(), ["three"]);
        append(&file, &Line::Gone("0oa1")).unwrap();
        assert!(labels().is_empty());
    }

    #[test]
    fn what_an_older_process_wrote_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("acme.jsonl");
        let line =
            "{\"v\":1,\"app\":{\"id\":\"a\",\"name\":\"b\",\"label\":\"c\",\"createdMs\":0}}\n";
        fs::write(&file, line).unwrap();
        let mut held = Held::default();
        replay(&file, &mut held).unwrap();
        assert_eq!(held.apps.len(), 1);
    }

    #[test]
    fn other_formats_are_refused_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("acme.jsonl");
        fs::write(
            &file,
            "{\"v\":3,\"app\":{\"id\":\"a\",\"name\":\"b\",\"label\":\"c\",\"createdMs\":0}}\n",
        )
        .unwrap();
        let error = replay(&file, &mut Held::default()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
