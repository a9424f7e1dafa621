//! Answers as people have them. Each sample carries the same answer; what stands around it is noise.

#![expect(clippy::too_many_lines, reason = "tables of samples")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::consent::inbox::HandedIn;

/// A state that could be cut anywhere.
const STATE: &str = "kXy7-Qz_09aBcDeFgHiJkLmNoPqRsTuV";
/// With a code that has everything that gets encoded on the way.
const URL: &str = "https://acme.okta.com/api/v1/apps/google/0oa1gjh63g214q0Hq0g4/oauth2/callback?code=4%2F0AX4XfWh-b_c%3Dd%2Be.f&state=kXy7-Qz_09aBcDeFgHiJkLmNoPqRsTuV";

/// Every reading of every answer in an input, the likeliest first.
fn readings(input: &[u8]) -> Vec<Vec<HandedIn>> {
    let answers = read(input).answers.into_iter();
    answers
        .filter_map(|sighting| match sighting.what {
            What::Answer(readings) => Some(readings),
            What::Refused { .. } => None,
        })
        .collect()
}

fn right() -> HandedIn {
    HandedIn::of(&url::Url::parse(URL).expect("a URL")).expect("an answer")
}

/// How many sightings of the answer there are, each by its state; panics on one with another code.
#[track_caller]
fn found(input: &[u8]) -> usize {
    let right = right();
    let mut found = 0;
    for readings in readings(input) {
        let Some(known) = readings
            .iter()
            .find(|reading| reading.state().expose_secret() == STATE)
        else {
            continue;
        };
        assert!(
            *known == right,
            "{known:?} in {}",
            String::from_utf8_lossy(input)
        );
        found += 1;
    }
    found
}

#[track_caller]
fn is_found(name: &str, input: impl AsRef<[u8]>) {
    let input = input.as_ref();
    assert!(
        found(input) >= 1,
        "{name}: {}",
        String::from_utf8_lossy(input)
    );
}

fn page() -> String {
    format!(r#"{{"continue_oauth_flow_url":{{"href":"{URL}","method":"POST"}}}}"#)
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn percent(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn wrapped(text: &str, width: usize, joint: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let lines: Vec<String> = chars
        .chunks(width)
        .map(|line| line.iter().collect())
        .collect();
    lines.join(joint)
}

fn quoted_printable(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for byte in text.bytes() {
        let piece = match byte {
            b'\n' => {
                lines.push_str("\r\n");
                column = 0;
                continue;
            }
            b'=' | 0x80.. => format!("={byte:02X}"),
            _ => char::from(byte).to_string(),
        };
        if column + piece.len() > width {
            lines.push_str("=\r\n");
            column = 0;
        }
        column += piece.len();
        lines.push_str(&piece);
    }
    lines
}

fn proofpoint_v2(url: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::new();
    for byte in url.bytes() {
        match byte {
            b'/' => encoded.push('_'),
            b'.' => encoded.push('.'),
            byte if byte.is_ascii_alphanumeric() => encoded.push(byte.into()),
            byte => encoded.extend(
                [
                    b'-',
                    HEX[usize::from(byte >> 4)],
                    HEX[usize::from(byte & 15)],
                ]
                .map(char::from),
            ),
        }
    }
    format!(
        "https://urldefense.proofpoint.com/v2/url?u={encoded}&d=DwMFaQ&c=abc-De_f&r=x&m=y&s=z&e="
    )
}

fn proofpoint_v3(url: &str) -> String {
    const LENGTHS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let special =
        |byte: &u8| matches!(byte, b'%' | b'+' | b'=' | b'*' | b'!' | b'\'' | b'(' | b')');
    let (mut link, mut table) = (String::new(), Vec::new());
    let bytes = url.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let run = bytes[at..]
            .iter()
            .take_while(|byte| special(byte))
            .count()
            .min(60);
        table.extend_from_slice(&bytes[at..at + run]);
        match run {
            0 => {
                link.push(bytes[at].into());
                at += 1;
            }
            1 => link.push('*'),
            _ => {
                link.push_str("**");
                link.push(LENGTHS[run - 2].into());
            }
        }
        at += run;
    }
    format!(
        "https://urldefense.com/v3/__{link}__;{}!!Ab-c1!XyZ_token$",
        URL_SAFE_NO_PAD.encode(table)
    )
}

fn utf16(text: &str, mark: &[u8], unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    mark.iter()
        .copied()
        .chain(text.encode_utf16().flat_map(unit))
        .collect()
}

#[test]
fn in_texts_that_people_write() {
    let page = page();
    for (name, text) in [
        ("URL", URL.to_owned()),
        ("page", page.clone()),
        (
            "sentence",
            format!("Hi,\nhere it is: {URL}. Please go on!\nBob"),
        ),
        ("comma", format!("It was {URL}, and then it was done")),
        ("exclamation", format!("Done: {URL}!")),
        ("question", format!("Is it {URL}?")),
        ("colon", format!("{URL}: that is it")),
        ("ellipsis", format!("{URL}...")),
        ("parentheses", format!("(see {URL})")),
        ("parentheses and stop", format!("it ({URL}).")),
        ("angle brackets", format!("it <{URL}>.")),
        ("brackets", format!("[1]: {URL} [2]: another")),
        ("in brackets", format!("[{URL}]")),
        ("quotes", format!("it is \"{URL}\"")),
        ("single quotes", format!("it is '{URL}', I think")),
        ("smart quotes", format!("it is \u{201c}{URL}\u{201d}.")),
        ("low quotes", format!("\u{201e}{URL}\u{201c}")),
        ("guillemets", format!("\u{ab}\u{a0}{URL}\u{a0}\u{bb}")),
        ("smart single quotes", format!("\u{2018}{URL}\u{2019}")),
        ("smart quotes in the page", page.replace('"', "\u{201d}")),
        ("next line", format!("{URL}\nThanks,\nBob")),
        ("next line, one word", format!("{URL}\nThanks\n")),
        ("next line, one token", format!("{URL}\n--\nBob-2\n")),
        ("blank line", format!("{URL}\n\nThanks a lot for all of it")),
        ("Windows lines", format!("a\r\n{URL}\r\nb\r\n")),
        ("old Mac lines", format!("a\r{URL}\rb\r")),
        ("line separators", format!("a\u{2028}{URL}\u{2028}b")),
        ("non-breaking blanks", format!("see\u{a0}{URL}\u{a0}please")),
        ("narrow blanks", format!("see\u{202f}{URL}\u{3000}please")),
        ("zero-width", format!("\u{200b}{URL}\u{200b} x")),
        ("zero-width inside", wrapped(URL, 7, "\u{200b}")),
        ("soft hyphens inside", wrapped(URL, 11, "\u{ad}")),
        ("bidi marks", format!("\u{202a}{URL}\u{202c}")),
        ("byte order mark inside", format!("x\n\u{feff}{URL}")),
        ("tabs", format!("1\t{URL}\tBob")),
        (
            "upper case",
            URL.replace("https://acme.okta.com", "HTTPS://ACME.OKTA.COM"),
        ),
        ("port", URL.replace("okta.com", "okta.com:443")),
        (
            "more parameters",
            format!("{URL}&session_state=1&scope=a%20b"),
        ),
        ("parameters before", URL.replace("?code", "?scope=a+b&code")),
        (
            "state first",
            URL.replace(&format!("&state={STATE}"), "")
                .replace("?code", &format!("?state={STATE}&code")),
        ),
        ("ANSI colours", format!("\u{1b}[32m\"{URL}\"\u{1b}[0m")),
        (
            "ANSI colours, no quotes",
            format!("\u{1b}[1;34m{URL}\u{1b}[0m"),
        ),
        (
            "command line",
            format!("okta-rollout consent complete '{URL}'"),
        ),
        (
            "shell continuation",
            format!("curl -X POST \\\n  {} \\\n  -H x", wrapped(URL, 60, "\\\n")),
        ),
        (
            "log line",
            format!("2026-11-28T15:00:01Z INFO url={URL} status=200"),
        ),
        ("YAML", format!("href: {URL}\nmethod: POST\n")),
        ("CSV cell", format!("org,answer\nacme,{URL}\nglobex,\n")),
        (
            "CSV cell in the middle",
            format!("org,answer,who\nacme,{URL},Bob\n"),
        ),
        (
            "CSV, quoted page",
            format!("acme,\"{}\"\n", page.replace('"', "\"\"")),
        ),
        ("semicolons", format!("acme;{URL};Bob\n")),
        ("Python", format!("{{'href': '{URL}', 'method': 'POST'}}")),
        ("XML", format!("<href>{}</href>", html(URL))),
    ] {
        is_found(name, &text);
    }
}

#[test]
fn in_markup_and_chats() {
    let page = page();
    for (name, text) in [
        ("Markdown link", format!("[the page]({URL})")),
        (
            "Markdown link in a sentence",
            format!("see [the page]({URL}), Bob."),
        ),
        ("Markdown autolink", format!("<{URL}>")),
        ("Markdown bold", format!("**{URL}**")),
        ("Markdown italics", format!("*{URL}*")),
        (
            "Markdown escapes",
            URL.replace('_', "\\_").replace('&', "\\&"),
        ),
        ("Markdown table", format!("| acme | {URL} |\n|---|---|")),
        ("Markdown reference", format!("[a]: {URL} \"title\"")),
        ("code fence", format!("```json\n{page}\n```")),
        ("code span", format!("`{URL}`")),
        ("Slack", format!("Bob  3:12 PM\n<{URL}>\n:+1: 1")),
        (
            "Slack, labelled",
            format!("<{}|{}>", html(URL), "acme.okta.com/api/v1…"),
        ),
        ("Slack, quoted", format!("&gt; {}\nthanks", html(&page))),
        (
            "Teams",
            format!("[15:12] Bob Builder\n{URL}\n[15:13] Ann\nthx"),
        ),
        ("Jira", format!("{{noformat}}{page}{{noformat}}")),
        ("Jira link", format!("[the page|{URL}]")),
        ("Confluence", format!("{{code:json}}\n{page}\n{{code}}")),
        ("reStructuredText", format!("`page <{URL}>`_")),
        ("Org mode", format!("[[{URL}][page]]")),
        ("BBCode", format!("[url={URL}]page[/url]")),
        (
            "HTML link",
            format!("<p>See <a href=\"{}\">this</a></p>", html(URL)),
        ),
        (
            "HTML link, single quotes",
            format!("<a target=_blank href='{}'>this</a>", html(URL)),
        ),
        (
            "HTML link, no quotes",
            format!("<a href={}>this</a>", html(URL)),
        ),
        ("HTML text", format!("<pre>{}</pre>", html(&page))),
        (
            "HTML text, escaped twice",
            format!("<pre>{}</pre>", html(&html(&page))),
        ),
        (
            "HTML, numbers",
            URL.replace('&', "&#38;").replace('/', "&#x2F;"),
        ),
        (
            "HTML, names",
            URL.replace('=', "&equals;")
                .replace('/', "&sol;")
                .replace('?', "&quest;"),
        ),
        (
            "HTML, non-breaking blanks",
            format!("x&nbsp;{}&nbsp;y", html(URL)),
        ),
        ("HTML, word breaks", wrapped(URL, 30, "<wbr>")),
        (
            "HTML, line breaks",
            format!("<div>{}<br>Thanks</div>", html(URL)),
        ),
        ("HTML, wrapped", wrapped(URL, 60, "<br />\n")),
        ("HTML, smart quotes", format!("&ldquo;{}&rdquo;", html(URL))),
        (
            "view-source",
            format!(
                "<html><head></head><body><pre style=\"word-wrap: break-word\">{page}</pre></body></html>"
            ),
        ),
    ] {
        is_found(name, &text);
    }
}

#[test]
fn in_json() {
    let page = page();
    let value: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    let pretty = serde_json::to_string_pretty(&value).expect("JSON");
    let twice = serde_json::to_string(&page).expect("JSON");
    let thrice = serde_json::to_string(&twice).expect("JSON");
    let slashes = page.replace('/', "\\/");
    for (name, text) in [
        ("pretty", pretty.clone()),
        ("tabs", pretty.replace("  ", "\t")),
        ("\\u0026", page.replace('&', "\\u0026")),
        (
            "\\u003d",
            page.replace('=', "\\u003D").replace('&', "\\U0026"),
        ),
        ("\\/", slashes.clone()),
        ("\\/ and \\u0026", slashes.replace('&', "\\u0026")),
        ("escaped twice", twice.clone()),
        ("escaped three times", thrice),
        (
            "\\/ escaped twice",
            serde_json::to_string(&slashes).expect("JSON"),
        ),
        (
            "\\u0026 escaped twice",
            serde_json::to_string(&page.replace('&', "\\u0026")).expect("JSON"),
        ),
        (
            "HTML in JSON",
            serde_json::to_string(&html(&page)).expect("JSON"),
        ),
        ("HTML in \\u0026", html(URL).replace('&', "\\u0026")),
        ("\\x26", URL.replace('&', "\\x26")),
        (
            "other keys",
            format!(
                r#"{{"_links":{{"self":{{"href":"https://acme.okta.com/api/v1/apps/0oa1"}}}},"id":"0oa1","status":"DISABLED",{}"#,
                &page[1..]
            ),
        ),
        (
            "plain value",
            format!(r#"{{"continue_oauth_flow_url":"{URL}"}}"#),
        ),
        (
            "list",
            format!(r#"[{{"org":"acme","page":{page}}},{{"org":"globex"}}]"#),
        ),
        ("JSON lines", format!("{{\"a\":1}}\n{page}\n{{\"b\":2}}")),
        ("cut off", page[..page.len() - 9].to_owned()),
        ("without quotes", page.replace('"', "")),
        (
            "a mail in JSON",
            serde_json::to_string(&format!(
                "Hi,\n> {}\n> Bob\n\"q\"",
                wrapped(URL, 60, "\n> ")
            ))
            .expect("JSON"),
        ),
        (
            "webhook",
            format!(r#"{{"text":"<{}|link>\nthanks"}}"#, html(URL)),
        ),
        (
            "HAR",
            format!(r#"{{"log":{{"entries":[{{"response":{{"content":{{"text":{twice}}}}}}}]}}}}"#),
        ),
    ] {
        is_found(name, &text);
    }
}

#[test]
fn in_mails() {
    let page = page();
    let outlook = format!(
        "From: Ann <ann@acme.example>\r\nSent: Friday, November 27, 2026 3:12 PM\r\nTo: Bob\r\nSubject: RE: consent\r\n\r\nHi Bob,\r\n\r\n{page}\r\n\r\n________________________________\r\nFrom: Bob\r\nSent: Friday\r\n\r\nPlease open <https://accounts.google.com/o/oauth2/auth?response_type=code&client_id=1&redirect_uri=https%3A%2F%2Facme.okta.com%2Fadmin%2Fapp%2Fgoogle%2F0oa1%2Foauth2%2Fredirect&state=other>\r\n"
    );
    let gmail = format!(
        "---------- Forwarded message ---------\nFrom: Ann <ann@acme.example>\nDate: Fri, Nov 27, 2026 at 3:12 PM\n\n{}\n",
        wrapped(&page, 78, "\n")
    );
    let apple = format!(
        "> On 27. Nov 2026, at 15:12, Ann <ann@acme.example> wrote:\n> \n> {}\n> \n> Best\n",
        wrapped(&page, 70, "\n> ")
    );
    for (name, text) in [
        ("Outlook", outlook),
        ("Gmail", gmail),
        ("Apple Mail", apple),
        ("Outlook, text with link", format!("acme.okta.com<{URL}>")),
        ("quoted", format!("> {}", page.replace('{', "{\n> "))),
        (
            "quoted five times",
            format!(">>>>> {}", wrapped(&page, 60, "\n>>>>> ")),
        ),
        (
            "quoted with blanks",
            format!("> > > {}", wrapped(&page, 60, "\n> > > ")),
        ),
        (
            "quoted and rewrapped",
            wrapped(&format!("> {URL}"), 76, "\n"),
        ),
        ("format=flowed", wrapped(&page, 72, " \n")),
        (
            "format=flowed, stuffed",
            format!(" {}", wrapped(&page, 72, " \r\n ")),
        ),
        ("double spaced", wrapped(&page, 72, "\n\n")),
        ("indented", wrapped(&page, 72, "\n        ")),
        ("bars", format!("| {}", wrapped(&page, 72, "\n| "))),
        ("quoted-printable", quoted_printable(&page, 75)),
        (
            "quoted-printable of HTML",
            quoted_printable(&format!("<p>Grüße: {}</p>", html(&page)), 75),
        ),
        (
            "quoted-printable, lower case",
            quoted_printable(&page, 75)
                .replace("=3D", "=3d")
                .replace("\r\n", "\n"),
        ),
        (
            "quoted-printable, quoted",
            format!(
                "> {}",
                quoted_printable(&page, 73).replace("\r\n", "\r\n> ")
            ),
        ),
        (
            "quoted-printable with blanks",
            quoted_printable(&page, 75).replace("=\r\n", "= \r\n"),
        ),
    ] {
        is_found(name, &text);
    }
    let base64 = |text: &[u8]| {
        let encoded = STANDARD.encode(text);
        wrapped(&encoded, 76, "\r\n")
    };
    let mail = |body: &str| {
        format!(
            "MIME-Version: 1.0\r\nFrom: ann@acme.example\r\nContent-Type: multipart/alternative; boundary=\"0000000000009a1f\"\r\n\r\n--0000000000009a1f\r\nContent-Type: text/plain; charset=\"UTF-8\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n--0000000000009a1f--\r\n"
        )
    };
    let inner = mail(&base64(page.as_bytes()));
    for (name, text) in [
        (
            "base64",
            mail(&base64(format!("Hi Bob,\r\n{page}\r\n").as_bytes())),
        ),
        (
            "base64 of HTML",
            mail(&base64(format!("<p>Grüße</p>{}", html(&page)).as_bytes())),
        ),
        (
            "base64 of UTF-16",
            mail(&base64(&utf16(&page, b"", u16::to_le_bytes))),
        ),
        ("base64 in one line", mail(&STANDARD.encode(&page))),
        (
            "base64, quoted",
            format!(
                "> {}",
                mail(&base64(page.as_bytes())).replace("\r\n", "\r\n> ")
            ),
        ),
        ("base64 alone", base64(page.as_bytes())),
        ("a mail in a mail", mail(&base64(inner.as_bytes()))),
        (
            "base64 of quoted-printable",
            mail(&base64(quoted_printable(&page, 75).as_bytes())),
        ),
        ("UTF-16 of the whole", String::new()),
    ] {
        if name.starts_with("UTF-16") {
            is_found(name, utf16(&inner, b"\xff\xfe", u16::to_le_bytes));
        } else {
            is_found(name, &text);
        }
    }
}

#[test]
fn in_every_character_set() {
    let text = format!("Grüße: {}\r\n", page());
    let latin: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).expect("Latin-1"))
        .collect();
    is_found("Notepad", utf16(&text, b"\xff\xfe", u16::to_le_bytes));
    is_found("big endian", utf16(&text, b"\xfe\xff", u16::to_be_bytes));
    is_found("no mark", utf16(&text, b"", u16::to_le_bytes));
    is_found("no mark, big endian", utf16(&text, b"", u16::to_be_bytes));
    is_found("UTF-8 with a mark", format!("\u{feff}{text}"));
    is_found("Latin-1", latin);
    is_found(
        "Windows-1252",
        [b"\x93".as_slice(), URL.as_bytes(), b"\x94 \x85"].concat(),
    );
    is_found(
        "Outlook's .msg",
        [
            b"\xd0\xcf\x11\xe0\0\0\x01".as_slice(),
            &utf16(&text, b"", u16::to_le_bytes),
            &[0; 300],
        ]
        .concat(),
    );
}

#[test]
fn in_redirectors() {
    let once = percent(URL);
    let safelinks = format!(
        "https://eur01.safelinks.protection.outlook.com/?url={once}&data=05%7C02%7Cann%40acme.example%7C0%7C638&sdata=abc%2Bdef%3D&reserved=0"
    );
    let google = format!("https://www.google.com/url?q={once}&sa=D&source=hangouts&ust=1&usg=AOv");
    let lower = once
        .replace("%2F", "%2f")
        .replace("%3A", "%3a")
        .replace("%3D", "%3d");
    let partly = URL
        .replace('%', "%25")
        .replace("?code=", "?code%3D")
        .replace("&state=", "%26state%3D");
    for (name, text) in [
        ("SafeLinks", safelinks.clone()),
        (
            "SafeLinks in HTML",
            format!("<a href=\"{}\">x</a>", html(&safelinks)),
        ),
        ("SafeLinks, wrapped", wrapped(&safelinks, 76, "\n")),
        (
            "SafeLinks, quoted-printable",
            quoted_printable(&safelinks, 75),
        ),
        ("SafeLinks in angle brackets", format!("here<{safelinks}>.")),
        ("Google", google.clone()),
        (
            "Google, partly encoded",
            format!("https://www.google.com/url?q={partly}&sa=D&source=docs"),
        ),
        (
            "Google, raw",
            format!("https://www.google.com/url?sa=t&url={URL}&usg=AOv"),
        ),
        (
            "Mimecast",
            format!("https://url.uk.m.mimecastprotect.com/s?domain=acme.okta.com&url={once}"),
        ),
        (
            "u=",
            format!("https://protect2.fireeye.com/v1/url?k=1-2&q=1&e=3&u={once}"),
        ),
        ("target=", format!("https://go.example/?target={once}#x")),
        (
            "a=",
            format!("https://linkprotect.cudasvc.com/url?a={lower}&c=E,1,x&typo=1"),
        ),
        (
            "path",
            format!("https://secure-web.cisco.com/1Abc_-dEf/{once}"),
        ),
        (
            "AWS",
            format!(
                "https://abc.r.us-east-1.awstrack.me/L0/{}/1/0100018c-abc/x=404",
                once.replace("%3A", ":")
            ),
        ),
        ("Slack", format!("https://slack-redir.net/link?url={once}")),
        ("lower case", format!("https://go.example/?u={lower}")),
        (
            "twice",
            format!("https://go.example/?u={}&x=1", percent(&safelinks)),
        ),
        (
            "three times",
            format!(
                "https://a.example/?q={}&y=2",
                percent(&format!("https://b.example/?u={}&x=1", percent(&google)))
            ),
        ),
        (
            "encoded twice",
            format!("https://go.example/?u={}", percent(&once)),
        ),
        ("Proofpoint v2", proofpoint_v2(URL)),
        (
            "Proofpoint v2, wrapped",
            wrapped(&proofpoint_v2(URL), 76, "\n> "),
        ),
        ("Proofpoint v2 of SafeLinks", proofpoint_v2(&safelinks)),
        ("Proofpoint v3", proofpoint_v3(URL)),
        (
            "Proofpoint v3 with one slash",
            proofpoint_v3(URL).replace("__https://", "__https:/"),
        ),
        ("Proofpoint v3 of SafeLinks", proofpoint_v3(&safelinks)),
        (
            "Proofpoint v3 of many",
            proofpoint_v3(&URL.replace("?code", "?x=()()()*!*!*!*!%25%25&code")),
        ),
        (
            "SafeLinks of Proofpoint v3",
            format!(
                "https://x.safelinks.protection.outlook.com/?url={}&data=1",
                percent(&proofpoint_v3(URL))
            ),
        ),
        (
            "Proofpoint v1",
            format!("https://urldefense.proofpoint.com/v1/url?u={once}&k=abc%0A&r=x"),
        ),
        (
            "page in a parameter",
            format!("https://go.example/?page={}", percent(&page())),
        ),
        (
            "Sophos",
            format!(
                "https://eu-west-1.protection.sophos.com?d=okta.com&u={}&i=NjM&t=x&h=y",
                STANDARD.encode(URL)
            ),
        ),
        ("no redirector", once.clone()),
    ] {
        is_found(name, &text);
    }
}

#[test]
fn wrapped_at_any_column() {
    let plain = page();
    let safelinks = format!(
        "https://eur01.safelinks.protection.outlook.com/?url={}&data=05%7C02&reserved=0",
        percent(URL)
    );
    for text in [
        plain.clone(),
        html(&plain),
        plain.replace('&', "\\u0026").replace('/', "\\/"),
        safelinks,
        URL.to_owned(),
    ] {
        for width in 4..=100 {
            for joint in ["\n", " \n", "\r\n", "\n> ", " \r\n>> ", "\n    ", " "] {
                let wrapped = wrapped(&text, width, joint);
                // White space alone: so many words are not taken for one link.
                if joint == " " && text.len() / width > 300 {
                    continue;
                }
                is_found(&format!("{width} {joint:?}"), &wrapped);
            }
            // Behind it comes what belongs to it no more.
            is_found(
                &format!("{width} and more"),
                format!("{}\nThanks\nBob 1\n", wrapped(&text, width, "\n")),
            );
        }
        for width in 4..=100 {
            is_found(
                &format!("quoted-printable {width}"),
                quoted_printable(&text, width),
            );
        }
    }
}

#[test]
fn a_code_at_the_end_is_read_whole_and_no_further() {
    let last = format!(
        "https://acme.okta.com/api/v1/apps/google/0oa1/oauth2/callback?state={STATE}&code=4%2F0AX4X-Wh"
    );
    for (text, code) in [
        (last.clone(), "4/0AX4X-Wh"),
        (format!("{last}\n"), "4/0AX4X-Wh"),
        (format!("{last}\nThanks\nBob"), "4/0AX4X-Wh"),
        (format!("{last}\nThanks a lot, Bob"), "4/0AX4X-Wh"),
        (format!("{last} and more"), "4/0AX4X-Wh"),
        (format!("({last})."), "4/0AX4X-Wh"),
        (format!("{last}, please"), "4/0AX4X-Wh"),
        (format!("'{last}','x'"), "4/0AX4X-Wh"),
        (format!("\"{last}\""), "4/0AX4X-Wh"),
        (format!("{last}_"), "4/0AX4X-Wh_"),
        (wrapped(&last, 110, "\n"), "4/0AX4X-Wh"),
        (wrapped(&last, last.len() - 3, "\n"), "4/0AX4X-Wh"),
        (
            format!("{}\n\nBob", wrapped(&last, last.len() - 3, "\n")),
            "4/0AX4X-Wh",
        ),
    ] {
        let found = readings(text.as_bytes());
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0][0].parts()[2], code, "{text}");
    }
}

#[test]
fn many_answers_are_told_apart() {
    let other = URL
        .replace("acme", "globex")
        .replace(STATE, "another-state");
    let third = page().replace(STATE, "third");
    let text = format!("{URL} {other}\n{}{third}{}", page(), page());
    let found = readings(text.as_bytes());
    let states: Vec<_> = found
        .iter()
        .map(|readings| readings[0].parts()[3].clone())
        .collect();
    assert_eq!(states, [STATE, "another-state", STATE, "third", STATE]);
    let lines: Vec<_> = read(text.as_bytes())
        .answers
        .iter()
        .map(|sighting| sighting.line)
        .collect();
    assert_eq!(lines, [1, 1, 2, 2, 2]);
    assert_eq!(found[0][0], found[2][0]);
}

#[test]
fn noise_is_nothing() {
    for text in [
        "",
        " \n",
        "hello",
        "{\"a\":",
        "{\"a\":1}",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://acme.okta.com/",
        "https://acme.okta.com/admin/app/google/instance/0oa1",
        "see https://www.example.com/?a=b&c=d.",
        "{\"continue_oauth_flow_url\":7}",
        "{\"continue_oauth_flow_url\":",
        "https://{org}/api/v1/apps/{app}/{id}/oauth2/callback?code=…&state=…",
        "okta-rollout consent complete 'https://acme.okta.com/api/v1/apps/google/…/oauth2/callback?code=…'",
    ] {
        let reading = read(text.as_bytes());
        assert!(reading.is_empty(), "{text}: {reading:?}");
        assert_eq!(reading.bytes, text.len());
    }
    assert_eq!(read(b"a\nb\n").lines, 2);
    assert_eq!(read(b"a\nb").lines, 2);
    assert_eq!(read(b"").lines, 0);
}

#[test]
fn what_is_no_answer_is_told_as_what_it_is() {
    let spot = "acme.okta.com, google 0oa1gjh63g214q0Hq0g4";
    let redirect = "https://acme.okta.com/admin/app/google/0oa1gjh63g214q0Hq0g4/oauth2/redirect";
    let page = r#"{"errorCode":"E0000001","errorSummary":"Api validation failed: oauth2","errorCauses":[{"errorSummary":"The authorization failed: access_denied"}]}"#;
    for (text, refusal, told) in [
        (
            URL.replace(&format!("&state={STATE}"), ""),
            Refusal::Incomplete("state"),
            Some(spot),
        ),
        (
            format!("{URL}&state=x"),
            Refusal::Incomplete("state"),
            Some(spot),
        ),
        (format!("{URL}#x"), Refusal::Decorated, Some(spot)),
        (
            URL.replace("/api/v1", "/../api/v1"),
            Refusal::Roundabout,
            Some(spot),
        ),
        (
            URL.replace("/oauth2", "/%2e/oauth2"),
            Refusal::Roundabout,
            Some(spot),
        ),
        (
            URL.replace("acme.", "ann@acme."),
            Refusal::Decorated,
            Some(spot),
        ),
        (
            format!(
                "{redirect}?error=access_denied&error_description=The+user%20said+no.&state=s1"
            ),
            Refusal::Denied("access_denied: The user said no".into()),
            Some(spot),
        ),
        // `=3d` and `=ac` might be quoted-printable.
        (
            format!("{redirect}?error=access_denied&state=3d0f"),
            Refusal::Denied("access_denied".into()),
            Some(spot),
        ),
        (
            format!(
                "https://go.example/?u={}",
                percent(&format!("{redirect}?error=access_denied&state=s1"))
            ),
            Refusal::Denied("access_denied".into()),
            Some(spot),
        ),
        (
            "{\"error\":\"access_denied\"}".into(),
            Refusal::Denied("access_denied".into()),
            None,
        ),
        (
            page.into(),
            Refusal::ErrorPage(
                "Api validation failed: oauth2: The authorization failed: access_denied (E0000001)"
                    .into(),
            ),
            None,
        ),
    ] {
        let mut reading = read(text.as_bytes());
        assert_eq!(reading.answers.len(), 1, "{text}: {reading:?}");
        let What::Refused {
            refusal: got, spot, ..
        } = reading.answers.remove(0).what
        else {
            panic!("an answer: {text}");
        };
        assert_eq!(got, refusal, "{text}");
        assert_eq!(spot.map(|spot| spot.to_string()).as_deref(), told, "{text}");
    }
}

#[test]
fn a_link_to_open_is_none_to_hand_in() {
    let redirect = "https://acme.okta.com/admin/app/google/0oa1/oauth2/callback";
    let google = "https://accounts.google.com/o/oauth2/auth?response_type=code&client_id=1";
    for text in [
        format!(
            "{google}&redirect_uri={}&state=s1&scope=a",
            percent(redirect)
        ),
        format!("{google}&redirect_uri={redirect}&state=s1"),
        format!("{google}&state=s1&redirect_uri={}", percent(redirect)),
        format!(
            "> {}",
            wrapped(
                &format!("{google}&redirect_uri={}&state=s1", percent(redirect)),
                60,
                "\n> "
            )
        ),
        html(&format!(
            "{google}&redirect_uri={}&state=s1",
            percent(redirect)
        )),
        format!(
            "https://go.example/?url={}&x=1",
            percent(&format!("{google}&redirect_uri={redirect}&state=s1"))
        ),
    ] {
        let reading = read(text.as_bytes());
        assert!(reading.answers.is_empty(), "{text}: {reading:?}");
        assert_eq!(reading.to_open.len(), 1, "{text}");
        let state = reading.to_open[0].state.as_ref();
        assert!(
            state.is_none_or(|state| state.expose_secret() == "s1"),
            "{text}"
        );
    }
}

#[test]
fn nothing_shows_a_code_or_a_state() {
    let redirect = "https://acme.okta.com/x/google/0oa1/oauth2/redirect";
    let text = format!(
        "{URL}\n{URL}#x\n{redirect}?error=a&state={STATE}\nhttps://a/?client_id=1&redirect_uri=x&state={STATE}"
    );
    let shown = format!("{:?}", read(text.as_bytes()));
    assert!(
        !shown.contains("0AX4") && !shown.contains("kXy7"),
        "{shown}"
    );
}

#[test]
fn the_work_is_linear() {
    // Each would take hours if a part of it were read again and again.
    const SIZE: usize = 1 << 18;
    for piece in [
        "https://",
        "https%3A%2F%2F",
        "https%253A%252F%252F%25",
        "https://a/oauth2/callback?code=a&state=b&",
        "h\n",
        "http",
        "\\",
        "&amp;",
        "&",
        "=3D",
        "=\n",
        "%25",
        "\n> ",
        "> ",
        "<",
        "<wbr>",
        "\u{200b}",
        "\"error\":\"a\"",
        "\"errorCode\":\"E1\",\"errorSummary\":\"",
        "Error Code: ",
        "aHR0cHM6Ly9",
        "A",
        "A\n",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "a,",
        "a) ",
        "https-3A__a_b-25",
        "__;A!",
        "*",
    ] {
        read(piece.repeat(SIZE / piece.len()).as_bytes());
        let one = format!(
            "https://a/oauth2/callback?code=a&state={}",
            piece.repeat(SIZE / piece.len())
        );
        read(one.as_bytes());
    }
}

/// Deterministic mutations of all samples: bytes flipped, cut, doubled, joined.
#[test]
fn no_mutation_panics() {
    const PIECES: [&[u8]; 12] = [
        b"\\",
        b"&",
        b"=",
        b"%",
        b"\n",
        b"> ",
        b"\"",
        b"http",
        b"\xff",
        b"\0",
        b"__;",
        b"\xe2\x80\x8b",
    ];
    let samples = [
        page(),
        html(&page()),
        quoted_printable(&page(), 60),
        wrapped(&page(), 50, "\n> "),
        proofpoint_v2(URL),
        proofpoint_v3(URL),
        format!("https://s.example/?url={}&data=1", percent(URL)),
        STANDARD.encode(page()),
        serde_json::to_string(&page()).expect("JSON"),
    ];
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below.max(1) as u64).unwrap_or(0)
    };
    for _ in 0..6_000 {
        let mut bytes = samples[next(samples.len())].clone().into_bytes();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] = u8::try_from(next(256)).unwrap_or(0),
                1 => bytes.truncate(at.max(1)),
                2 => {
                    let piece = PIECES[next(PIECES.len())];
                    bytes.splice(at..at, piece.iter().copied());
                }
                _ => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail);
                }
            }
        }
        read(&bytes);
    }
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
    }

    #[test]
    fn nothing_panics_around_links(before in ".{0,40}", inside in ".{0,40}", after in ".{0,40}", cut in 0..URL.len()) {
        let (head, tail) = URL.split_at(cut);
        read(format!("{before}{head}{inside}{tail}{after}").as_bytes());
    }

    #[test]
    fn noise_around_an_answer_does_no_harm(before in "[ -~\n]{0,60}", after in "[ -~\n]{0,60}") {
        // Quotes, so that no noise can be taken for a part of it.
        let text = format!("{}\n\"{URL}\"\n{after}", before.replace("http", "x"));
        prop_assert!(found(text.as_bytes()) >= 1, "{}", text);
    }

    #[test]
    fn any_code_and_state_survive(code in "[!-~]{1,60}", state in "[A-Za-z0-9._~-]{8,60}") {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("state", &state)
            .finish();
        let link = format!("https://a.okta.com/api/v1/apps/slack/0oa9/oauth2/callback?{query}");
        for text in [
            link.clone(),
            format!("<{link}>"),
            format!("{{\"href\":\"{link}\"}}"),
            html(&format!("\"{link}\"")),
            format!("https://s.example/?url={}&data=1", percent(&link)),
            proofpoint_v2(&link),
            quoted_printable(&format!("\"{link}\""), 60),
        ] {
            let found = readings(text.as_bytes());
            let right = |reading: &HandedIn| reading.parts()[2] == code && reading.parts()[3] == state;
            prop_assert!(found.len() == 1, "{}: {:?}", text, found);
            let known = found[0].iter().find(|reading| reading.parts()[3] == state);
            prop_assert!(known.is_some_and(right), "{}", text);
        }
    }
}
