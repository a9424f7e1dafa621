//! Where an answer ends, and what is none.

use super::*;

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
fn many_answers_are_distinguished() {
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
fn what_is_no_answer_is_reported_as_what_it_is() {
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
