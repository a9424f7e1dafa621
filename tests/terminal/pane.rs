//! A terminal: a server of tmux of its own with one pane in it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Nothing that is waited for takes this long.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often the screen is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// The shell's prompt.
pub const PROMPT: &str = "ready> ";

/// A terminal with one pane; its server ends with it.
pub struct Pane {
    folder: TempDir,
}

impl Pane {
    /// A terminal of this size in which a shell waits, in a folder of its own where `okta-rollout` is the program.
    pub fn new(shell: &str, columns: u16, rows: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let program = bin.join("okta-rollout");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_okta-rollout"), program).unwrap();
        let pane = Self { folder };
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let home = pane.path("").display().to_string();
        let shell = format!(
            "env -i HOME={home} TERM=screen-256color LANG=C.UTF-8 TZ=Asia/Tokyo PATH='{path}' PS1='{PROMPT}' \
             T=app-token {shell}"
        );
        let size = [columns.to_string(), rows.to_string()];
        pane.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &size[0],
            "-y",
            &size[1],
            "-c",
            &home,
            &shell,
        ]);
        pane
    }

    /// Where a file of its folder is.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of its folder.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Types this.
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Presses a key, by the name that tmux has for it.
    pub fn presses(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Enters a command.
    pub fn enters(&self, command: &str) {
        self.types(command);
        self.presses("Enter");
    }

    /// Gives it another size.
    pub fn resizes(&self, columns: u16, rows: u16) {
        let size = [columns.to_string(), rows.to_string()];
        self.tmux(&["resize-window", "-x", &size[0], "-y", &size[1]]);
    }

    /// What it shows, and what scrolled out of it.
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-S", "-"])
    }

    /// As [`Self::screen`], with colours.
    pub fn colours(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e", "-S", "-"])
    }

    /// Waits until what it shows is as wanted; what it then shows.
    #[track_caller]
    pub fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let since = Instant::now();
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(
                since.elapsed() < PATIENCE,
                "{what} is missing in:\n{screen}"
            );
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until it shows this.
    #[track_caller]
    pub fn shows(&self, what: &str) -> String {
        self.until(what, |screen| screen.contains(what))
    }

    /// Waits until its last line is this.
    #[track_caller]
    pub fn last_line(&self, line: &str) {
        self.until(line, |screen| {
            screen
                .trim_end()
                .lines()
                .last()
                .is_some_and(|last| last.trim_end() == line.trim_end())
        });
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let socket = self.path("tmux");
        let output = Command::new("tmux")
            .arg("-S")
            .arg(&socket)
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("tmux: {error}: apt-get install tmux"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "tmux {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind.
        let ended = Command::new("tmux")
            .arg("-S")
            .arg(self.path("tmux"))
            .arg("kill-server")
            .output();
        drop(ended);
    }
}

/// Whether a program is there; said with what to do otherwise.
pub fn needs(program: &str) {
    let path = std::env::var_os("PATH").unwrap();
    let found =
        std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).exists());
    assert!(found, "{program} is missing: apt-get install {program}");
}
