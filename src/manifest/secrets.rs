//! Reading secrets: the only place where a reference becomes a value. A value lives in a
//! [`SecretString`] from the moment it is read, and no error here repeats any of it. Besides
//! `settings` this is the only reader of the environment.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};

use super::apart::apart;
use super::env_file;
use super::flaw::{self, SecretUse};
use super::input::{absolute, folder};
use super::org::OrgSpec;
use super::program::{self, ProgramError};
use super::recent::Recent;
use super::secret::{Kind, SecretRef};
use super::secret_error::{Cause, FILE_TIMEOUT, MAX_BYTES, SecretError};
use crate::text::Veil;

/// How long the files of secrets that are only to be covered are waited for.
const COVERING: Duration = Duration::from_secs(1);

/// References that are remembered as covered.
const MOST_COVERED: usize = 10_000;

/// Whether `exec:` references may run their program (`--allow-exec`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExecPolicy {
    /// Every `exec:` is refused.
    #[default]
    Refuse,
    /// Programs are run.
    Allow,
}

impl From<bool> for ExecPolicy {
    fn from(allow: bool) -> Self {
        if allow { Self::Allow } else { Self::Refuse }
    }
}

/// Reads the secrets of one file: knows its folder and whether programs may run.
#[derive(Clone, Debug)]
pub struct Secrets {
    base: PathBuf,
    /// Whether what is relative to it has to be in it.
    is_within: bool,
    exec: ExecPolicy,
    /// Variables that programs get besides the few they always get.
    pass_env: Arc<[String]>,
    recent: Recent<Cause>,
    /// Covers what is read: texts of the org that it is for are shown without it.
    veil: Option<Veil>,
    /// What it covers already.
    covered: Arc<Mutex<HashSet<SecretRef>>>,
}

impl Secrets {
    /// For references that stand in this file: what is relative in them is so to its folder, wherever somebody
    /// stands.
    pub fn of_file(file: &Path, exec: impl Into<ExecPolicy>) -> Self {
        Self::new(absolute(folder(file)), exec)
    }

    /// For the references of an org as [`super::Orgs::anchored`] gives it: they are relative to nothing, but a program
    /// is started in the folder of the file that names it.
    pub fn of_org(org: &OrgSpec, exec: impl Into<ExecPolicy>) -> Self {
        Self::new(org.folder.as_deref().unwrap_or(Path::new("/")), exec)
    }

    /// For references that are relative to `base`.
    pub fn new(base: impl Into<PathBuf>, exec: impl Into<ExecPolicy>) -> Self {
        Self {
            base: base.into(),
            is_within: false,
            exec: exec.into(),
            pass_env: Arc::default(),
            recent: Recent::default(),
            veil: None,
            covered: Arc::default(),
        }
    }

    /// As [`Self::new`]; a reference that is relative and leads out of `base` is refused.
    pub fn within(base: impl Into<PathBuf>, exec: impl Into<ExecPolicy>) -> Self {
        Self {
            is_within: true,
            ..Self::new(base, exec)
        }
    }

    /// Where a file is.
    fn place(&self, path: &str) -> Result<PathBuf, Cause> {
        if self.is_within && leads_out(Path::new(path)) {
            let folder = self.base.clone();
            return Err(Cause::Outside { folder });
        }
        Ok(self.base.join(path))
    }

    /// Whose programs get the variables of these names, too.
    #[must_use]
    pub fn passing(self, names: &[String]) -> Self {
        Self {
            pass_env: names.into(),
            ..self
        }
    }

    /// For an org: what is read from now on is covered where its texts are shown.
    #[must_use]
    pub fn covered_by(self, veil: &Veil) -> Self {
        Self {
            veil: Some(veil.clone()),
            covered: Arc::default(),
            ..self
        }
    }

    /// Covers what these references stand for, before anything is asked of the org: what it was sent by an earlier run
    /// it may repeat anywhere, whichever entry is looked at. Those that cannot be read are told by the step that needs
    /// them; no program is run for this, and no pipe read.
    pub async fn cover(&self, references: impl IntoIterator<Item = SecretRef>) {
        let Some(veil) = &self.veil else { return };
        let mut files = Vec::new();
        {
            let mut covered = self.covered.lock();
            if covered.len() > MOST_COVERED {
                covered.clear();
            }
            for reference in references {
                if covered.contains(&reference) {
                    continue;
                }
                match reference.kind() {
                    Ok(Kind::Env(name)) => {
                        if let Ok(secret) = from_env(name) {
                            veil.cover(&secret);
                        }
                    }
                    Ok(Kind::File(path)) => files.extend(self.place(path)),
                    Ok(Kind::Exec(_)) | Err(_) => {}
                }
                covered.insert(reference);
            }
        }
        if files.is_empty() {
            return;
        }
        let veil = veil.clone();
        let reading = apart(move || {
            for path in files.iter().filter(|path| !is_stream(path)) {
                if let Ok(secret) = from_file(path) {
                    veil.cover(&secret);
                }
            }
        });
        // A drive that does not answer keeps nobody from working on entries that need nothing of it.
        if let Ok(reading) = reading {
            drop(tokio::time::timeout(COVERING, reading).await);
        }
    }

    /// Reads a secret now, unless it was read within the last second.
    ///
    /// # Errors
    /// When it is unset, empty, unreadable, over 64 KiB or not text; when something comes along with it that is no
    /// part of it; when its program is refused, missing, fails or takes over 30 s.
    pub async fn resolve(
        &self,
        reference: &SecretRef,
        purpose: SecretUse,
    ) -> Result<SecretString, SecretError> {
        let found = if let Ok(Kind::Env(name)) = reference.kind() {
            // A look into our own memory.
            from_env(name).map_err(Arc::new)
        } else {
            // Boxed, so that the many that find it read take little memory.
            let read = || Box::pin(self.read(reference));
            self.recent.or_read(reference, read).await
        };
        found
            .and_then(|secret| fit(secret, purpose).map_err(Arc::new))
            .inspect(|secret| {
                if let Some(veil) = &self.veil {
                    veil.cover(secret);
                }
            })
            .map_err(|cause| SecretError {
                reference: reference.clone(),
                cause,
            })
    }

    /// Whether a secret could be read, without running a program: what `check` asks.
    ///
    /// # Errors
    /// As [`Self::resolve`], as far as that can be known.
    pub fn probe(&self, reference: &SecretRef, purpose: SecretUse) -> Result<(), SecretError> {
        self.try_probe(reference, purpose)
            .map(drop)
            .map_err(|cause| SecretError::new(reference, cause))
    }

    /// The secret, if it is had without running a program or emptying a pipe.
    pub(super) fn try_probe(
        &self,
        reference: &SecretRef,
        purpose: SecretUse,
    ) -> Result<Option<SecretString>, Cause> {
        match reference.kind()? {
            Kind::Env(name) => fit(from_env(name)?, purpose).map(Some),
            Kind::File(path) => {
                let path = self.place(path)?;
                if is_stream(&path) {
                    // What a look takes out of it is gone, and it may never come.
                    return Ok(None);
                }
                fit(from_file(&path)?, purpose).map(Some)
            }
            Kind::Exec(words) => {
                self.may_exec()?;
                let program = words.first().ok_or(ProgramError::NotFound)?;
                program::find(&self.base, program)?;
                Ok(None)
            }
        }
    }

    async fn read(&self, reference: &SecretRef) -> Result<SecretString, Cause> {
        match reference.kind()? {
            Kind::Env(name) => from_env(name),
            Kind::File(path) => from_file_in_time(self.place(path)?).await,
            Kind::Exec(words) => {
                self.may_exec()?;
                let (program, arguments) = words.split_first().ok_or(ProgramError::NotFound)?;
                let program = program::find(&self.base, program)?;
                let call = program::Call {
                    program: &program,
                    arguments,
                    folder: &self.base,
                    pass_env: &self.pass_env,
                };
                to_secret(call.output(MAX_BYTES).await?)
            }
        }
    }

    fn may_exec(&self) -> Result<(), Cause> {
        match self.exec {
            ExecPolicy::Allow => Ok(()),
            ExecPolicy::Refuse => Err(Cause::ExecRefused),
        }
    }
}

/// Whether a relative path leads out of the folder that it is relative to.
fn leads_out(path: &Path) -> bool {
    let mut depth = 0_usize;
    for component in path.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return path.is_relative(),
            },
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    false
}

/// The one place where a secret is judged, whoever asks for it.
fn fit(secret: SecretString, purpose: SecretUse) -> Result<SecretString, Cause> {
    flaw::look(secret.expose_secret(), purpose).map_err(Cause::Flawed)?;
    Ok(secret)
}

fn from_env(name: &str) -> Result<SecretString, Cause> {
    // Who calls the program knows better than a file that lies about.
    let Some(value) = std::env::var_os(name) else {
        let secret = env_file::get(name).ok_or(Cause::Unset)?;
        let empty = secret.expose_secret().is_empty();
        return if empty { Err(Cause::Empty) } else { Ok(secret) };
    };
    let text = value.into_string().map_err(|_| Cause::NotText)?;
    if text.is_empty() {
        return Err(Cause::Empty);
    }
    Ok(text.into())
}

fn from_file(path: &Path) -> Result<SecretString, Cause> {
    let failed = |error| Cause::File {
        path: path.to_owned(),
        error,
    };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(Cause::Folder {
            path: path.to_owned(),
        });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    to_secret(bytes)
}

async fn from_file_in_time(path: PathBuf) -> Result<SecretString, Cause> {
    let name = path.clone();
    let read = apart(move || from_file(&name)).map_err(Cause::Thread)?;
    match tokio::time::timeout(FILE_TIMEOUT, read).await {
        Ok(Ok(read)) => read,
        // It panicked, or keeps silent.
        Ok(Err(_)) | Err(_) => Err(Cause::Silent { path }),
    }
}

/// Whether it is a pipe or device: what it holds can be read once.
#[cfg(unix)]
fn is_stream(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|data| {
        let kind = data.file_type();
        kind.is_fifo() || kind.is_socket() || kind.is_char_device()
    })
}

#[cfg(not(unix))]
fn is_stream(_: &Path) -> bool {
    false
}

fn over_limit(bytes: &[u8]) -> bool {
    u64::try_from(bytes.len()).map_or(true, |length| length > MAX_BYTES)
}

fn to_secret(bytes: Vec<u8>) -> Result<SecretString, Cause> {
    if over_limit(&bytes) {
        return Err(Cause::TooLong);
    }
    let text = String::from_utf8(bytes).map_err(|_| Cause::NotText)?;
    // The newline that editors and `echo` put at the end; a second one is not.
    let bare = match text.strip_suffix('\n') {
        Some(bare) => bare.strip_suffix('\r').unwrap_or(bare),
        None => &text,
    };
    if bare.is_empty() {
        return Err(Cause::Empty);
    }
    Ok(bare.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(base: &Path, reference: &str) -> Result<String, String> {
        let reference = SecretRef::parse(reference).expect("a reference");
        let secret = Secrets::new(base, ExecPolicy::Allow)
            .resolve(&reference, SecretUse::PrivateKey)
            .await;
        secret
            .map(|secret| secret.expose_secret().to_owned())
            .map_err(|error| error.to_string())
    }

    /// A pipe in the folder.
    #[cfg(unix)]
    fn pipe(folder: &Path) -> PathBuf {
        let path = folder.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo").success());
        path
    }

    #[cfg(unix)]
    #[tokio::test(start_paused = true)]
    async fn a_pipe_that_nobody_writes_to_is_named_and_not_waited_for_for_ever() {
        let folder = tempfile::tempdir().expect("folder");
        let path = pipe(folder.path());
        let got = read(folder.path(), "file:pipe").await;
        let expected = format!(
            "file:pipe: nothing came from {} within 30 s",
            path.display()
        );
        assert_eq!(got, Err(expected));
        // The thread that reads it is let go.
        std::fs::write(&path, "late").expect("written");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_look_leaves_what_is_in_a_pipe_to_the_step_that_needs_it() {
        let folder = tempfile::tempdir().expect("folder");
        let path = pipe(folder.path());
        let reference = SecretRef::parse("file:pipe").expect("a reference");
        let secrets = Secrets::new(folder.path(), ExecPolicy::Refuse);
        secrets
            .probe(&reference, SecretUse::PrivateKey)
            .expect("not read");
        let writer = std::thread::spawn(move || std::fs::write(path, "s3cret\n"));
        assert_eq!(
            read(folder.path(), "file:pipe").await.as_deref(),
            Ok("s3cret")
        );
        writer.join().expect("joined").expect("written");
    }

    #[tokio::test]
    async fn what_leads_out_of_the_folder_of_secrets_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let inner = folder.path().join("secrets");
        std::fs::create_dir_all(inner.join("acme")).expect("dir");
        std::fs::write(folder.path().join("t"), "outside").expect("write");
        std::fs::write(inner.join("t"), "inside").expect("write");
        let absolute = format!("file:{}", folder.path().join("t").display());
        let secrets = Secrets::within(&inner, ExecPolicy::Refuse);
        for (reference, expected) in [
            ("file:t", Some("inside")),
            ("file:acme/../t", Some("inside")),
            ("file:./t", Some("inside")),
            ("file:../t", None),
            ("file:acme/../../t", None),
            // Whoever wrote that meant this place on every machine.
            (&*absolute, Some("outside")),
        ] {
            let reference = SecretRef::parse(reference).expect("a reference");
            let read = secrets.resolve(&reference, SecretUse::Token).await;
            match (read, expected) {
                (Ok(read), Some(expected)) => assert_eq!(read.expose_secret(), expected),
                (Err(error), None) => {
                    assert!(error.to_string().contains("leads out of"), "{error}");
                    assert!(!error.is_lacking(), "{error}");
                }
                (read, _) => panic!("{reference:?}: {read:?}"),
            }
        }
    }

    #[tokio::test]
    async fn files_lose_one_newline() {
        let folder = tempfile::tempdir().expect("folder");
        for (content, expected) in [
            ("s3cret", Ok("s3cret")),
            ("s3cret\n", Ok("s3cret")),
            ("s3cret\r\n", Ok("s3cret")),
            ("s3cret\n\n", Ok("s3cret\n")),
            ("s3cret\r", Ok("s3cret\r")),
            ("s3cret\n\r\n", Ok("s3cret\n")),
            ("", Err("file:t: the secret is empty")),
            ("\n", Err("file:t: the secret is empty")),
        ] {
            std::fs::write(folder.path().join("t"), content).expect("write");
            let got = read(folder.path(), "file:t").await;
            assert_eq!(
                got.as_deref().map_err(String::as_str),
                expected,
                "{content:?}"
            );
        }
    }

    #[tokio::test]
    async fn unreadable_files_name_the_path_and_never_the_content() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("binary"), b"top\xffsecret").expect("write");
        std::fs::write(folder.path().join("long"), vec![b'x'; 70_000]).expect("write");
        std::fs::create_dir(folder.path().join("dir")).expect("dir");
        for (reference, expected) in [
            ("file:missing", "cannot read"),
            ("file:dir", "is a folder"),
            ("file:binary", "not UTF-8"),
            ("file:long", "over 65536 bytes"),
        ] {
            let error = read(folder.path(), reference).await.expect_err(reference);
            assert!(
                error.contains(expected) && error.contains(reference),
                "{error}"
            );
            assert!(
                !error.contains("secret\u{fffd}") && !error.contains("xxx"),
                "{error}"
            );
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn programs_print_secrets() {
        let folder = tempfile::tempdir().expect("folder");
        for (reference, expected) in [
            ("exec:echo one", Ok("one")),
            ("exec:printf '%s %s' 'a b' c", Ok("a b c")),
            ("exec:echo $HOME", Ok("$HOME")),
            ("exec:false", Err("the program failed")),
            ("exec:true", Err("the secret is empty")),
            // What is started beside it is neither waited for nor left.
            ("exec:sh -c 'sleep 600 & echo one'", Ok("one")),
            ("exec:no-such-program-here", Err("program not found")),
            ("exec:yes", Err("over 65536 bytes")),
        ] {
            match (read(folder.path(), reference).await, expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{reference}"),
                (Err(got), Err(expected)) => assert!(got.contains(expected), "{got}"),
                (got, _) => panic!("{reference}: {got:?}"),
            }
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn programs_get_few_variables() {
        let folder = tempfile::tempdir().expect("folder");
        let reference = SecretRef::parse("exec:env").expect("a reference");
        let names = async |pass: &[&str]| {
            let pass: Vec<_> = pass.iter().map(|name| (*name).to_owned()).collect();
            let secrets = Secrets::new(folder.path(), ExecPolicy::Allow).passing(&pass);
            let printed = secrets.resolve(&reference, SecretUse::PrivateKey).await;
            let printed = printed.expect("printed").expose_secret().to_owned();
            let names = printed.lines().filter_map(|line| line.split_once('='));
            names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
        };
        let few = ["PATH", "HOME", "LANG", "TMPDIR"];
        // Cargo sets it, and many others, for whatever it runs.
        let more = "CARGO_MANIFEST_DIR";
        let without = names(&[]).await;
        assert!(
            without.iter().all(|name| few.contains(&name.as_str())),
            "{without:?}"
        );
        assert!(without.contains(&"PATH".to_owned()), "{without:?}");
        let with = names(&[more, "NOT_SET_ANYWHERE"]).await;
        assert_eq!(with.len(), without.len() + 1, "{with:?}");
        assert!(with.contains(&more.to_owned()), "{with:?}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_a_program_starts_ends_with_it() {
        let folder = tempfile::tempdir().expect("folder");
        let script = "exec:sh -c 'sleep 600 & echo $! > child; echo one'";
        assert_eq!(
            read(
                folder.path(),
                &script.replace("> child", &format!("> {}/child", folder.path().display()))
            )
            .await
            .as_deref(),
            Ok("one")
        );
        let child = std::fs::read_to_string(folder.path().join("child")).expect("written");
        let status = format!("/proc/{}/status", child.trim());
        // It dies on its own time, and may not yet be taken note of by whoever carried it over.
        let gone = async {
            while std::fs::read_to_string(&status).is_ok_and(|status| !status.contains("State:\tZ"))
            {
                tokio::task::yield_now().await;
            }
        };
        let gone = tokio::time::timeout(Duration::from_secs(10), gone).await;
        assert!(gone.is_ok(), "{child} is still there");
    }

    #[cfg(unix)]
    #[tokio::test(start_paused = true)]
    async fn a_program_that_hangs_is_given_up() {
        let error = read(Path::new("."), "exec:sleep 600")
            .await
            .expect_err("hangs");
        assert!(error.contains("took over 30 s"), "{error}");
    }

    #[tokio::test]
    async fn programs_are_refused_unless_allowed() {
        let secrets = Secrets::new(".", ExecPolicy::Refuse);
        let reference = SecretRef::parse("exec:echo one").expect("a reference");
        let purpose = SecretUse::Token;
        let probed = secrets.probe(&reference, purpose).expect_err("refused");
        let resolved = secrets.resolve(&reference, purpose).await;
        let resolved = resolved.expect_err("refused");
        for error in [probed, resolved] {
            assert!(error.to_string().contains("--allow-exec"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_check_and_a_run_judge_alike() {
        use SecretUse::{Header, Password, PrivateKey, Token};
        let folder = tempfile::tempdir().expect("folder");
        let reference = SecretRef::parse("file:t").expect("a reference");
        for (content, fits) in [
            ("00abcDEF_-.=\n", &[Header, Token, Password, PrivateKey][..]),
            ("a b\r\n", &[Password, PrivateKey]),
            ("a\nb", &[PrivateKey]),
            ("abc\n\n", &[PrivateKey]),
            ("\u{feff}abc", &[PrivateKey]),
            ("\"abc\"\n", &[PrivateKey]),
            ("Bearer abc", &[PrivateKey]),
            ("ä", &[Token, Password, PrivateKey]),
        ] {
            std::fs::write(folder.path().join("t"), content).expect("write");
            let secrets = Secrets::new(folder.path(), ExecPolicy::Refuse);
            for purpose in [Header, Token, Password, PrivateKey] {
                let probed = secrets
                    .probe(&reference, purpose)
                    .map_err(|e| e.to_string());
                let resolved = secrets.resolve(&reference, purpose).await;
                let resolved = resolved.map(drop).map_err(|e| e.to_string());
                assert_eq!(probed, resolved, "{content:?} {purpose:?}");
                assert_eq!(
                    probed.is_ok(),
                    fits.contains(&purpose),
                    "{content:?} {purpose:?}"
                );
                let said = probed.err().unwrap_or_default();
                assert!(!said.contains("abc"), "{said}");
            }
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_a_program_prints_is_judged_too() {
        let secrets = Secrets::new(".", ExecPolicy::Allow);
        for (reference, expected) in [
            ("exec:echo token", None),
            (
                "exec:printf 'token\\n\\n'",
                Some("the secret has a line break at its end"),
            ),
            (
                "exec:echo Bearer token",
                Some("the secret begins with the word Bearer"),
            ),
        ] {
            let reference = SecretRef::parse(reference).expect("a reference");
            let read = secrets.resolve(&reference, SecretUse::Token).await;
            let said = read.err().map(|error| error.to_string());
            match (said, expected) {
                (None, None) => {}
                (Some(said), Some(expected)) => assert!(said.contains(expected), "{said}"),
                (said, _) => panic!("{said:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_file_that_may_not_be_read_needs_permission_and_no_other_path() {
        for (kind, wanted) in [
            (
                std::io::ErrorKind::PermissionDenied,
                "let the user who runs this read /s/token",
            ),
            (
                std::io::ErrorKind::NotFound,
                "file: paths are relative to the folder of the file they stand in",
            ),
        ] {
            let error = SecretError {
                reference: SecretRef::parse("file:token").expect("a reference"),
                cause: Arc::new(Cause::File {
                    path: "/s/token".into(),
                    error: kind.into(),
                }),
            };
            assert_eq!(error.remedy(), wanted);
            assert_eq!(error.hint().as_deref(), Some(wanted));
        }
    }
}
