//! Around the answer stands what people and programs write: texts, markup, chats, JSON.

use super::*;

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
