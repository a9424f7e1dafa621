//! The state folder: one file of JSON lines per org, each line an app as it then was. The last line
//! about an app wins, so a process that was killed continues where it stood. Written through to the
//! operating system, not to the disk: a simulation survives kill -9, not a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::model::App;

/// Version of the record format, the first thing in every line.
const FORMAT: u32 = 1;

/// A state folder.
#[derive(Clone, Debug)]
pub(super) struct Store(PathBuf);

#[derive(Deserialize)]
struct Record {
    v: u32,
    app: App,
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

/// Reads an org's apps in the order they were written; a line cut off at the end is dropped from the
/// file, so that the next one starts on a line of its own.
pub(super) fn replay(file: &Path, mut take: impl FnMut(App)) -> io::Result<()> {
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
        if record.v != FORMAT {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("line {}: format {} instead of {FORMAT}", n + 1, record.v),
            ));
        }
        take(record.app);
    }
    Ok(())
}

/// Appends an app as it now is.
pub(super) fn append(file: &Path, app: &App) -> io::Result<()> {
    let mut line = serde_json::to_vec(&serde_json::json!({ "v": FORMAT, "app": app }))?;
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
        append(&file, &app).unwrap();
        app.label = "two".into();
        append(&file, &app).unwrap();
        let torn = br#"{"v":1,"app":{"id":"0oa1","#;
        OpenOptions::new()
            .append(true)
            .open(&file)
            .unwrap()
            .write_all(torn)
            .unwrap();

        let mut labels = Vec::new();
        replay(&file, |app| labels.push(app.label)).unwrap();
        assert_eq!(labels, ["one".into(), "two".into()]);
        app.label = "three".into();
        append(&file, &app).unwrap();
        let mut last = None;
        replay(&file, |app| last = Some(app.label)).unwrap();
        assert_eq!(last, Some("three".into()));
    }

    #[test]
    fn other_formats_are_refused_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("acme.jsonl");
        fs::write(
            &file,
            "{\"v\":2,\"app\":{\"id\":\"a\",\"name\":\"b\",\"label\":\"c\",\"createdMs\":0}}\n",
        )
        .unwrap();
        let error = replay(&file, |_| ()).unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
