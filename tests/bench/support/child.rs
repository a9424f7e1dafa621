//! The program as a child process, as people start it: when it says something, and how much memory it took.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Longer than anything a bench waits for.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often a process that is about to end is asked for its peak of memory.
const LOOK: Duration = Duration::from_millis(5);

/// The running program. It is killed when dropped.
pub struct Program {
    child: Child,
    begun: Instant,
    lines: Receiver<(Instant, String)>,
}

impl Program {
    /// Starts it in a folder.
    pub fn start(folder: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_okta-rollout"));
        let begun = Instant::now();
        let mut child = command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = BufReader::new(child.stderr.take().context("it is piped")?);
        let (tell, lines) = channel();
        // Reads on when nobody listens any more: the program must not wait for us.
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                drop(tell.send((Instant::now(), line)));
            }
        });
        Ok(Self {
            child,
            begun,
            lines,
        })
    }

    /// When it was started.
    pub const fn begun(&self) -> Instant {
        self.begun
    }

    /// Waits until it says this; how long that took from its start.
    pub fn says(&self, what: &str) -> anyhow::Result<Duration> {
        loop {
            let (at, line) = self
                .lines
                .recv_timeout(PATIENCE)
                .context("it says no more")?;
            anyhow::ensure!(!line.starts_with("error"), "{line}");
            if line.contains(what) {
                return Ok(at - self.begun);
            }
        }
    }

    /// Waits for its good end; how long it took, and its peak of memory.
    pub fn ends(mut self) -> anyhow::Result<(Duration, f64)> {
        let mut peak_mb = 0.0;
        loop {
            peak_mb = self.peak_mb().unwrap_or(peak_mb);
            if let Some(status) = self.child.try_wait()? {
                let said: Vec<_> = self.lines.iter().map(|(_, line)| line).collect();
                anyhow::ensure!(status.success(), "{status}: {}", said.join("\n"));
                return Ok((self.begun.elapsed(), peak_mb));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Its peak of memory so far.
    pub fn peak_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .context("peak memory is read from /proc, which only Linux has")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kib: u32 = kib.context("the process has ended")?.trim().parse()?;
        Ok(f64::from(kib) * 1024.0 / 1e6)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // What has ended cannot be killed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
