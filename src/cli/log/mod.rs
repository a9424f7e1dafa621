//! `--log-file`: a listener that appends what happens to a file, a line per event, for people and programs that look
//! at it later. What the program traces besides goes there, too. It never stops what it is about: a log that cannot be
//! written is said once.

mod record;
mod subscriber;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::file::{self, Guarded, Place, cannot_be_written, is_stdout, refuse_clash};
use super::output::Output;
use crate::event::Listener;
use crate::failure::Failure;
use crate::settings::{LogFormat, LogSettings, Settings};
use record::Record;

/// Said of what gives another file.
const GIVE: &str = "--log-file FILE";

/// The log of this process, once it is known whether there is one.
static LOG: OnceCell<Option<Log>> = OnceCell::const_new();

/// Refuses a log in a file that the command reads, keeps or prints to. `guarded` gives these.
///
/// # Errors
/// When it is one.
pub(super) fn refuse(
    settings: &Settings,
    guarded: impl FnOnce(&Settings) -> Result<Vec<Guarded>, Failure>,
) -> Result<(), Failure> {
    let Some(LogSettings { file, .. }) = &settings.log else {
        return Ok(());
    };
    if is_stdout(file) {
        let error = anyhow::anyhow!("it is standard output, where data goes; nothing was sent");
        return Err(cannot_be_written(file, GIVE, error));
    }
    let others = Settings {
        log: None,
        ..settings.clone()
    };
    refuse_clash(file, &guarded(&others)?, GIVE)
}

/// Logs what this listener hears; `None` when there is no log.
pub(super) async fn listen(
    mut listener: Listener,
    settings: &Settings,
    output: Output,
) -> Option<JoinHandle<()>> {
    let log = open(settings, output).await?;
    if log.is_heard.swap(true, Ordering::Relaxed) {
        // Runs of one process are heard by who began first: all events come to every listener.
        return None;
    }
    let runtime = Handle::current();
    // A slow disk holds up no thread of the runtime.
    Some(tokio::task::spawn_blocking(move || {
        while let Some(news) = runtime.block_on(listener.next()) {
            log.write(&Record::of(&news));
        }
        log.is_heard.store(false, Ordering::Relaxed);
    }))
}

/// Opens the log's file anew, which may have been moved away meanwhile.
pub(super) async fn reopen(settings: &Settings, output: Output) {
    let Some(log) = open(settings, output).await else {
        return;
    };
    match Log::out(&log.file).await {
        Ok(out) => {
            *log.out.lock() = out;
            log.has_failed.store(false, Ordering::Relaxed);
        }
        Err(error) => cannot_write(&log.file, error, output),
    }
}

/// The log, opened once; from then on it takes what is traced.
pub(super) async fn open(settings: &Settings, output: Output) -> Option<&'static Log> {
    let wanted = settings.log.as_ref()?;
    let open = async || match Log::open(wanted, output).await {
        Ok(log) => Some(log),
        Err(error) => {
            cannot_write(&wanted.file, error, output);
            None
        }
    };
    let log = LOG.get_or_init(open).await.as_ref()?;
    subscriber::begin(log);
    Some(log)
}

fn cannot_write(file: &Path, error: anyhow::Error, output: Output) {
    let failure = cannot_be_written(file, GIVE, error);
    output.error(format_args!(
        "the log {failure}; the command continues without it"
    ));
    output.hint(failure.hint.unwrap_or_default());
}

/// How long a trace waits for a line that is being written.
const SOON: Duration = Duration::from_millis(100);

/// An open log.
pub(super) struct Log {
    file: PathBuf,
    format: LogFormat,
    out: Mutex<Box<dyn Write + Send>>,
    /// Whether a listener writes to it.
    is_heard: AtomicBool,
    has_failed: AtomicBool,
    is_stalled: AtomicBool,
    output: Output,
}

impl Log {
    async fn open(wanted: &LogSettings, output: Output) -> anyhow::Result<Self> {
        Ok(Self {
            file: wanted.file.clone(),
            format: wanted.format,
            out: Mutex::new(Self::out(&wanted.file).await?),
            is_heard: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
            is_stalled: AtomicBool::new(false),
            output,
        })
    }

    async fn out(file: &Path) -> anyhow::Result<Box<dyn Write + Send>> {
        Ok(match Place::of(file)? {
            Place::File(file) => {
                let mut options = OpenOptions::new();
                options.append(true).create(true).mode(file::OWNER_ONLY);
                Box::new(options.open(file)?)
            }
            Place::Stream(stream) => Box::new(stream.open().await?),
        })
    }

    /// Appends a line, in one piece: other processes may append to the same file.
    fn write(&self, record: &Record) {
        self.write_to(&mut **self.out.lock(), record);
    }

    fn write_to(&self, out: &mut dyn Write, record: &Record) {
        let line = record.line(self.format);
        let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = written
            && !self.has_failed.swap(true, Ordering::Relaxed)
        {
            cannot_write(&self.file, error.into(), self.output);
        }
    }

    /// As [`Self::write`], from where nothing may wait long: left out while the log takes nothing.
    fn write_soon(&self, record: &Record) {
        let patience = if self.is_stalled.load(Ordering::Relaxed) {
            Duration::ZERO
        } else {
            SOON
        };
        let out = self.out.try_lock_for(patience);
        self.is_stalled.store(out.is_none(), Ordering::Relaxed);
        if let Some(mut out) = out {
            self.write_to(&mut **out, record);
        }
    }
}
