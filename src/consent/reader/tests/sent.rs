//! What mail, character sets and redirectors make of an answer.

use super::*;

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
