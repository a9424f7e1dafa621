//! What is written to as it is: devices, pipes, and descriptors that the process was given (`/dev/stdout`, `>(…)`).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;

/// How long a pipe may be without a reader before it is said that nobody reads it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Something that is written to in place, since it cannot be replaced by a new file.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Stream {
    /// Standard output, under any of its names.
    Stdout,
    /// Standard error, under any of its names.
    Stderr,
    /// Another descriptor of a process, by its name.
    Descriptor(PathBuf),
    /// A named pipe.
    Pipe(PathBuf),
    /// A device.
    Device(PathBuf),
}

impl Stream {
    /// The descriptor that a name in this folder stands for: such names look like links, but lead nowhere by name.
    pub fn of_descriptor(folder: &Path, name: &Path) -> Option<Self> {
        let real = folder.canonicalize().ok()?;
        let number = name.file_name()?.to_str()?;
        let ours = real == Path::new("/dev/fd")
            || Path::new("/proc/self/fd").canonicalize().ok().as_ref() == Some(&real);
        let theirs = real.starts_with("/proc") && real.ends_with("fd");
        match number {
            _ if !ours && !theirs => None,
            "1" if ours => Some(Self::Stdout),
            "2" if ours => Some(Self::Stderr),
            _ => Some(Self::Descriptor(real.join(number))),
        }
    }

    /// Opens it for writing after what is there.
    pub async fn open(self) -> anyhow::Result<Quiet> {
        let out: Box<dyn Write + Send> = match self {
            // Whoever writes to it besides has the same place in it.
            Self::Stdout => Box::new(io::stdout()),
            Self::Stderr => Box::new(io::stderr()),
            Self::Device(device) => Box::new(OpenOptions::new().write(true).open(device)?),
            Self::Descriptor(name) => Box::new(open_pipe(name).await?),
            Self::Pipe(pipe) => Box::new(open_pipe(pipe).await?),
        };
        Ok(Quiet {
            out,
            is_gone: false,
        })
    }
}

/// Opening a pipe waits for its reader, for which the program must not wait for ever.
async fn open_pipe(pipe: PathBuf) -> anyhow::Result<File> {
    let (tell, opened) = oneshot::channel();
    // Not one of the runtime's threads: it waits for those when it ends.
    std::thread::Builder::new().spawn(move || {
        // Nobody listens any more when it took too long.
        drop(tell.send(OpenOptions::new().append(true).open(pipe)));
    })?;
    match tokio::time::timeout(PATIENCE, opened).await {
        Ok(opened) => Ok(opened??),
        Err(_) => anyhow::bail!("nobody reads it for {} s", PATIENCE.as_secs()),
    }
}

/// A reader that went away has read what it wanted: the rest is dropped, as for standard output.
pub(in crate::cli) struct Quiet {
    out: Box<dyn Write + Send>,
    is_gone: bool,
}

impl Quiet {
    fn unless_gone<T>(&mut self, done: io::Result<T>, otherwise: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_gone = true;
                Ok(otherwise)
            }
            done => done,
        }
    }
}

impl Write for Quiet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_gone {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        self.unless_gone(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_gone {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.unless_gone(flushed, ())
    }
}
