//! Answers as people have them: in mails, chats and files of every kind, and pasted at a terminal.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Child;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::consent::{url_in, waiting};
use crate::support::{Scenario, google, slack};

const CALLBACK: &str = "POST …/oauth2/callback";
const COMPLETE: [&str; 2] = ["consent", "complete"];

fn wrapped(text: &str, width: usize, joint: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let lines: Vec<String> = chars
        .chunks(width)
        .map(|line| line.iter().collect())
        .collect();
    lines.join(joint)
}

fn percent(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A mail as a mail program saves it: the page as text in base64 and as HTML in quoted-printable.
fn mail(page: &str) -> String {
    let text = wrapped(
        &STANDARD.encode(format!("Hi Bob,\r\n\r\n{page}\r\n")),
        76,
        "\r\n",
    );
    let html = page
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('=', "=3D");
    let html = wrapped(&html, 71, "=\r\n");
    format!(
        "From: Ann <ann@acme.example>\r\nSubject: =?UTF-8?Q?Fertig_=C3=BC?=\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=\"00aa\"\r\n\r\n--00aa\r\nContent-Type: text/plain; \
         charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{text}\r\n--00aa\r\nContent-Type: text/html\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>{html}</p>\r\n--00aa--\r\n"
    )
}

#[test]
fn an_answer_is_found_in_whatever_people_hand_in() {
    for how in [
        "mail",
        "reply",
        "SafeLinks",
        "UTF-16",
        "JSON in JSON",
        "chat",
    ] {
        let story = waiting();
        let link = story.link();
        let page = story.approve(&link);
        let url = url_in(&page);
        let text = match how {
            "mail" => mail(&page),
            "reply" => format!(
                "Done!\n\n> {}\n>\n>> Please open {}\n>> and send me what you see.\n",
                wrapped(&page, 74, "\n> "),
                wrapped(&link, 70, "\n>> ")
            ),
            "SafeLinks" => format!(
                "<a href=\"https://eur01.safelinks.protection.outlook.com/?url={}&amp;data=05%7C02&amp;reserved=0\">x</a>",
                percent(&url)
            ),
            "JSON in JSON" => serde_json::to_string(&page.replace('&', "\\u0026")).unwrap(),
            _ => format!("[15:12] Ann: here \u{201c}{url}\u{201d} :+1:\n[15:13] Bob: thanks!\n"),
        };
        if how == "UTF-16" {
            let units = text.encode_utf16().flat_map(u16::to_le_bytes);
            let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(units).collect();
            story.write_bytes("answer", &bytes);
        } else {
            story.write("answer", &text);
        }
        let ran = story.okta_rollout(&["-vv", "consent", "complete", "--file", "answer"]);
        let said = ran.exits(0).says("acme/google (row 1): accepted").said();
        assert!(
            !said.contains("answers:"),
            "one answer, however often: {said}"
        );
        let code = url
            .split("code=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap();
        assert!(!said.contains(code), "{how}: {said}");
        assert_eq!(story.calls("acme"), [CALLBACK], "{how}");
        story.run().exits(0);
        assert_eq!(story.app("acme", "0oa1")["connection"]["status"], "ENABLED");
    }
}

#[test]
fn answers_of_a_whole_thread_are_each_handed_in_once() {
    let story = Scenario::of([google("0oa1"), slack("0oa2"), slack("0oa3").at("globex")]);
    story.run().exits(4);
    let pages: Vec<_> = story
        .consents()
        .iter()
        .map(|consent| story.approve(consent["authorizeUrl"].as_str().unwrap()))
        .collect();
    for org in ["acme", "globex"] {
        story.calls(org);
    }
    let thread = format!(
        "{}\n\n{}\n\n> {}\n\norg,answer\nglobex,\"{}\"\n",
        mail(&pages[0]),
        wrapped(&url_in(&pages[1]), 40, " \n"),
        wrapped(&pages[0], 60, "\n> "),
        pages[2].replace('"', "\"\"")
    );
    let ran = story.fed(&COMPLETE, &thread).exits(0);
    let said = ran.says("3 answers: 3 accepted").said();
    assert_eq!(said.matches("): accepted;").count(), 3, "{said}");
    assert_eq!(story.calls("acme"), [CALLBACK; 2]);
    assert_eq!(story.calls("globex"), [CALLBACK]);
    story.run().exits(0);
}

/// A terminal, and the command that asks there.
struct Terminal {
    ours: std::fs::File,
    /// Keeps the terminal when the command is gone, as a shell does.
    _theirs: std::fs::File,
    child: Child,
}

impl Terminal {
    /// Waits until it asks.
    fn asked(story: &Scenario) -> Self {
        let ours: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = std::fs::File::options()
            .read(true)
            .write(true)
            .open(name)
            .unwrap();
        let mut child = story.at_terminal(&COMPLETE, theirs.try_clone().unwrap());
        let mut asked = String::new();
        let stderr = child.stderr.as_mut().unwrap();
        while !asked.contains("paste, then Ctrl-D") {
            let mut byte = [0];
            stderr.read_exact(&mut byte).unwrap();
            asked.push(byte[0].into());
        }
        Self {
            ours: ours.into(),
            _theirs: theirs,
            child,
        }
    }

    /// Types, and waits for the end of the command; its exit code and what it said.
    fn ends_after(mut self, typed: &[u8]) -> (Option<i32>, String, Self) {
        self.ours.write_all(typed).unwrap();
        let mut said = String::new();
        self.child
            .stderr
            .as_mut()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (self.child.wait().unwrap().code(), said, self)
    }

    /// What the terminal showed of what was typed.
    fn shown(mut self) -> String {
        // A mark, so that there is something to read; a terminal without a program echoes.
        self.ours.write_all(b"end\n").unwrap();
        let mut shown = String::new();
        while !shown.contains("end") {
            let mut bytes = [0; 1024];
            let count = self.ours.read(&mut bytes).unwrap();
            shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        shown
    }
}

#[test]
fn a_terminal_takes_long_lines_and_shows_none() {
    let story = waiting();
    let page = story.approve(&story.link());
    let code = url_in(&page).split("code=").nth(1).unwrap()[..12].to_owned();
    // One line, far longer than a terminal keeps of one.
    let line = format!(
        "{{\"noise\":\"{}\",{}\n\x04",
        "x".repeat(20_000),
        &page[1..]
    );
    let (ended, said, terminal) = Terminal::asked(&story).ends_after(line.as_bytes());
    assert_eq!(ended, Some(0), "{said}");
    assert!(said.contains("acme/google (row 1): accepted"), "{said}");
    let modes = tcgetattr(&terminal.ours).unwrap().local_modes;
    assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
    let shown = terminal.shown();
    assert!(
        !shown.contains("noise") && !shown.contains(&code),
        "{shown}"
    );
    assert_eq!(story.calls("acme"), [CALLBACK]);
}

#[test]
fn a_terminal_can_be_left_without_an_answer() {
    let story = waiting();
    let (ended, said, _) = Terminal::asked(&story).ends_after(b"\x04");
    assert_eq!(ended, Some(2), "{said}");
    assert!(said.contains("no answer was given"), "{said}");
    let (ended, said, terminal) = Terminal::asked(&story).ends_after(b"https://acme\x03");
    assert_eq!(ended, Some(130), "{said}");
    assert!(said.contains("nothing was handed in"), "{said}");
    let modes = tcgetattr(&terminal.ours).unwrap().local_modes;
    assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO));
    assert!(story.calls("acme").is_empty());
}

#[test]
fn an_answer_that_looks_like_a_flag_is_not_repeated() {
    let story = waiting();
    let url = url_in(&story.approve(&story.link()));
    let code = url
        .split("code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    for arguments in [
        vec![format!("-----Original Message-----\n{url}")],
        vec![format!("--answer={url}")],
        vec!["--file".to_owned(), "x".to_owned(), url.clone()],
        vec![format!("-f{url}")],
    ] {
        let arguments: Vec<&str> = COMPLETE
            .into_iter()
            .chain(arguments.iter().map(String::as_str))
            .collect();
        let ran = story.okta_rollout(&arguments).exits(2);
        assert!(!ran.said().contains(&code), "{}", ran.said());
    }
    assert!(story.calls("acme").is_empty());
}
