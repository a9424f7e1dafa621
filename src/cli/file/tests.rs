//! What becomes of every kind of name that can be written to.

use std::fs;
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::*;

async fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    write_whole(file, async |out| Ok(write!(out, "{text}")?)).await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Links, each with where it leads.
type Links = &'static [(&'static str, &'static str)];

/// The name that is given, the links there are, and the file that is written in the end.
const LEADS: [(&str, Links, &str); 8] = [
    ("new", &[], "new"),
    ("old", &[], "old"),
    ("missing/folders/new", &[], "missing/folders/new"),
    ("link", &[("link", "old")], "old"),
    ("dangling", &[("dangling", "not/yet")], "not/yet"),
    (
        "one",
        &[
            ("one", "two"),
            ("two", "sub/three"),
            ("sub/three", "../old"),
        ],
        "old",
    ),
    ("sub/up", &[("sub/up", "../else/where")], "else/where"),
    ("by/old", &[("by", "sub")], "sub/old"),
];

#[tokio::test]
async fn names_and_links_lead_to_the_file_that_is_replaced() {
    for (name, links, file) in LEADS {
        for absolute in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            fs::create_dir(at("sub")).unwrap();
            fs::write(at("old"), "before, and longer").unwrap();
            for (link, to) in links {
                let to = if absolute {
                    at(link).parent().unwrap().join(to)
                } else {
                    PathBuf::from(to)
                };
                symlink(to, at(link)).unwrap();
            }
            write(&at(name), "now").await.unwrap();
            assert_eq!(fs::read_to_string(at(file)).unwrap(), "now", "{name}");
            for (link, _) in links {
                let is_link = fs::symlink_metadata(at(link)).unwrap().is_symlink();
                assert!(is_link, "{name}: the link {link} stays");
            }
            let part = |name: &String| name.contains(".part");
            assert!(!names(folder.path()).iter().any(part), "{name}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_written_says_why_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("file"), "").unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    symlink("round", at("about")).unwrap();
    symlink("about", at("round")).unwrap();
    symlink("folder", at("to-folder")).unwrap();
    let before = names(folder.path());
    for (name, wanted) in [
        ("folder", "it is a folder"),
        ("to-folder", "it is a folder"),
        ("socket", "it is a socket"),
        ("round", "its links lead in a circle"),
        ("file/below", "the folder"),
        ("folder/..", "it is a folder"),
    ] {
        for failed in [
            write(&at(name), "now").await.unwrap_err(),
            can_be_written(&at(name), "-o FILE").unwrap_err().error,
        ] {
            let failed = format!("{failed:#}");
            assert!(failed.contains(wanted), "{name}: {failed}");
        }
    }
    assert_eq!(names(folder.path()), before);
    let kind = fs::symlink_metadata(at("socket")).unwrap().file_type();
    assert!(kind.is_socket());
}

#[tokio::test]
async fn a_device_is_written_to() {
    let before = fs::metadata("/dev/null").unwrap();
    write(Path::new("/dev/null"), "now").await.unwrap();
    can_be_written(Path::new("/dev/full"), "-o FILE").unwrap();
    let full = write(Path::new("/dev/full"), "now").await.unwrap_err();
    assert!(full.to_string().contains("No space left"), "{full}");
    for device in ["/dev/null", "/dev/full"] {
        let kind = fs::symlink_metadata(device).unwrap().file_type();
        assert!(kind.is_char_device(), "{device}");
    }
    assert_eq!(fs::metadata("/dev/null").unwrap().ino(), before.ino());
}

#[tokio::test]
async fn a_pipe_is_written_to_also_when_its_reader_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let long = "x".repeat(1 << 20);
    for (text, wanted) in [("now", 3), (long.as_str(), 10)] {
        let name = pipe.clone();
        let reader = std::thread::spawn(move || {
            let mut read = Vec::new();
            let mut pipe = fs::File::open(name).unwrap().take(wanted);
            pipe.read_to_end(&mut read).unwrap();
            read
        });
        // Without a reader this would wait for one.
        write(&pipe, text).await.unwrap();
        let read = reader.join().unwrap();
        assert_eq!(read, text.as_bytes()[..read.len()]);
        assert_eq!(read.len() as u64, wanted);
    }
    let kind = fs::symlink_metadata(&pipe).unwrap().file_type();
    assert!(kind.is_fifo());
}

#[tokio::test]
async fn a_descriptor_is_written_to_after_what_it_has() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"before ").unwrap();
    for folder in ["/dev/fd", "/proc/self/fd"] {
        let name = Path::new(folder).join(file.as_raw_fd().to_string());
        if !Path::new(folder).exists() {
            continue;
        }
        write(&name, "now ").await.unwrap();
    }
    let mut text = String::new();
    std::io::Seek::rewind(&mut file).unwrap();
    file.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("before now "), "{text}");
}

#[tokio::test]
async fn what_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "before").unwrap();
    let failed = write_whole(&file, async |out| -> anyhow::Result<()> {
        write!(out, "half")?;
        anyhow::bail!("no more")
    });
    assert_eq!(failed.await.unwrap_err().to_string(), "no more");
    can_be_written(&file, "-o FILE").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    assert_eq!(names(folder.path()), ["file"]);
}

#[tokio::test]
async fn mode_and_owner_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    for mode in [0o600, 0o644, 0o660, 0o755] {
        fs::write(&file, "before").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let owner = std::os::unix::fs::chown(&file, Some(12_345), Some(54_321));
        let before = fs::metadata(&file).unwrap();
        assert!(owner.is_err() || before.uid() == 12_345);
        write(&file, "now").await.unwrap();
        let after = fs::metadata(&file).unwrap();
        assert_ne!(after.ino(), before.ino(), "it is another file");
        assert_eq!(after.mode(), before.mode());
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    }
    // A new one is as private as any that the person makes.
    let (new, by_hand) = (folder.path().join("new"), folder.path().join("by-hand"));
    write(&new, "now").await.unwrap();
    fs::write(&by_hand, "").unwrap();
    let mode = |file| fs::metadata(file).unwrap().mode();
    assert_eq!(mode(new), mode(by_hand));
}
