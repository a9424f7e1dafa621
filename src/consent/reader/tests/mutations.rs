//! Nothing that is handed in makes the reader panic.

use super::*;

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
            let right = |reading: &SubmittedAnswer| reading.parts()[2] == code && reading.parts()[3] == state;
            prop_assert!(found.len() == 1, "{}: {:?}", text, found);
            let known = found[0].iter().find(|reading| reading.parts()[3] == state);
            prop_assert!(known.is_some_and(right), "{}", text);
        }
    }
}
