//! Pages that say no: Okta's error page, as JSON or as a person sees it, and the third party's refusal as
//! JSON or as the query of an address.

use super::found::reason;
use crate::text::presentable;

/// A value is no longer (bytes); of a longer one the rest is left out.
const MAX_VALUE: usize = 600;

/// So far behind an error's code stand its summary and its causes (bytes).
const REACH: usize = 2_000;

/// So many pages of one text are told.
const MAX_PAGES: usize = 1_000;

/// What OAuth 2.0, `OpenID` Connect and the third parties have as `error`.
const ERRORS: [&str; 12] = [
    "access_denied",
    "account_selection_required",
    "admin_policy_enforced",
    "consent_required",
    "interaction_required",
    "invalid_request",
    "invalid_scope",
    "login_required",
    "org_internal",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
];

/// A page that says no.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Okta's; what it says.
    Error(String),
    /// The third party's; its error and description.
    Denied(String),
}

/// Every such page in a text, with the number of line breaks before it.
pub(super) fn of(text: &str) -> Vec<(usize, Page)> {
    if !text.contains("rror") {
        return Vec::new();
    }
    let text = plain(text);
    let mut pages = Vec::new();
    let (mut from, mut lines, mut counted) = (0, 0, 0);
    while let Some(found) = text[from..]
        .find("rror")
        .filter(|_| pages.len() < MAX_PAGES)
    {
        let place = from + found;
        from = place + 4;
        let (before, rest) = (&text[..place], &text[place + 4..]);
        let page = if before.ends_with(['e', 'E']) {
            read(rest)
        } else {
            None
        };
        if let Some((page, length)) = page {
            lines += memchr::memchr_iter(b'\n', &before.as_bytes()[counted..]).count();
            counted = place;
            pages.push((lines, page));
            from += length;
        }
    }
    pages
}

// `rest` is what stands behind `error`; gives how much of it belongs to the page.
fn read(rest: &str) -> Option<(Page, usize)> {
    let reach = &rest[..rest.floor_char_boundary(REACH)];
    if let Some(code) = reach.strip_prefix("Code").and_then(value) {
        let mut text = Vec::new();
        let mut length = 0;
        for (place, _) in reach.match_indices("errorSummary\"") {
            let summary = value(&reach[place + "errorSummary".len()..]);
            text.extend(summary.map(str::to_owned));
            length = place + "errorSummary".len();
            // Each page has a code of its own.
            if reach[length..].contains("errorCode\"") && text.len() > 1 {
                break;
            }
        }
        let digits = code.strip_prefix('E').unwrap_or_default();
        let is_code =
            (1..12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let code = if is_code { code } else { "no code" };
        let text = presentable(&text.join(": "));
        return Some((Page::Error(format!("{text} ({code})")), length));
    }
    if let Some(code) = reach.strip_prefix(" Code:") {
        let code = code.split_whitespace().next()?;
        let description = reach.split_once("Description:")?.1;
        let description = description.trim_start().lines().next().unwrap_or_default();
        return Some((
            Page::Error(reason(code, description)),
            REACH.min(reach.len()),
        ));
    }
    if let Some(error) = value(reach) {
        let described = reach.split_once("error_description").map(|(_, rest)| rest);
        let description = described.and_then(value).unwrap_or_default();
        return Some((Page::Denied(reason(error, description)), 0));
    }
    let error = reach.strip_prefix('=')?;
    let end = error.find(|c: char| !c.is_ascii_lowercase() && c != '_');
    let error = &error[..end.unwrap_or(error.len())];
    ERRORS
        .contains(&error)
        .then(|| (Page::Denied(reason(error, "")), 0))
}

// The string behind `": "`.
fn value(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix('"')?.trim_start().strip_prefix(':')?;
    let rest = rest.trim_start().strip_prefix('"')?;
    let rest = &rest[..rest.floor_char_boundary(MAX_VALUE)];
    Some(rest.split('"').next().unwrap_or(rest))
}

// Without escapes and tags; line breaks stay.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(['\\', '&', '<', '\u{201c}', '\u{201d}']) {
        plain.push_str(&rest[..place]);
        rest = &rest[place..];
        let (skip, put) = if let Some(after) = rest.strip_prefix("&amp;") {
            // Looked at again, without what made it one.
            if after.starts_with("quot;") || after.starts_with("amp;") {
                (
                    10,
                    if after.starts_with("quot;") {
                        "\""
                    } else {
                        "&"
                    },
                )
            } else {
                (5, "&")
            }
        } else if rest.starts_with("&quot;") {
            (6, "\"")
        } else if rest.starts_with('&') {
            (1, "&")
        } else if rest.starts_with('\\') {
            let after = rest.trim_start_matches('\\');
            let is_space = after.starts_with(['n', 'r', 't']);
            let run = rest.len() - after.len();
            (run + usize::from(is_space), if is_space { " " } else { "" })
        } else if rest.starts_with('<') {
            (tag(rest), "")
        } else {
            ('\u{201c}'.len_utf8(), "\"")
        };
        plain.push_str(put);
        rest = &rest[skip..];
    }
    plain.push_str(rest);
    plain
}

fn tag(rest: &str) -> usize {
    const LONGEST: usize = 200;
    let head = &rest.as_bytes()[..rest.len().min(LONGEST)];
    let is_tag = head
        .get(1)
        .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'/');
    let end = memchr::memchr(b'>', head).filter(|_| is_tag);
    let has_break = |end: usize| head[..end].contains(&b'\n');
    end.filter(|end| !has_break(*end)).map_or(1, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_say_no_are_recognized() {
        let denied = |text: &str| Page::Denied(text.into());
        let error = |text: &str| Page::Error(text.into());
        for (text, page) in [
            (
                r#"{"error":"access_denied"}"#,
                Some(denied("access_denied")),
            ),
            (
                "{\n  \"error\" : \"access_denied\",\n  \"error_description\": \"The user\\ndeclined.\"\n}",
                Some(denied("access_denied: The user declined")),
            ),
            (
                r#""{\"error\":\"access_denied\",\"error_description\":\"No way\"}""#,
                Some(denied("access_denied: No way")),
            ),
            (
                "<pre>{&quot;error&quot;:&quot;access_denied&quot;}</pre>",
                Some(denied("access_denied")),
            ),
            (
                "\u{201c}error\u{201d}: \u{201c}access_denied\u{201d}",
                Some(denied("access_denied")),
            ),
            (
                "?error=access_denied&state=s1",
                Some(denied("access_denied")),
            ),
            (
                r#"{"errorCode":"E0000001","errorSummary":"Api validation failed: oauth2","errorLink":"E0000001","errorId":"oae1","errorCauses":[{"errorSummary":"The authorization failed: access_denied"}]}"#,
                Some(error(
                    "Api validation failed: oauth2: The authorization failed: access_denied (E0000001)",
                )),
            ),
            (
                "<h1>400</h1>\n<p>Your request resulted in an error.</p><b>Error Code:</b> invalid_request\n<b>Description:</b> The 'redirect_uri' parameter is wrong.\n",
                Some(error(
                    "invalid_request: The 'redirect_uri' parameter is wrong",
                )),
            ),
            ("no error here", None),
            ("error: it failed", None),
            ("error=something", None),
            (r#"{"errors":[]}"#, None),
            (r#"{"error":7}"#, None),
            ("terror", None),
        ] {
            let found = of(text).into_iter().map(|(_, page)| page).next();
            assert_eq!(found, page, "{text}");
        }
        assert_eq!(of("a\n\nerror=access_denied\n")[0].0, 2);
    }

    #[test]
    fn a_description_is_presentable() {
        let text = "{\"error\":\"access_denied\",\"error_description\":\"a \u{1b}[31m b\u{202e} https://a.example/?code=c0de \u{200b}c\"}";
        let pages = of(text);
        let [(_, Page::Denied(text))] = pages.as_slice() else {
            panic!("{pages:?}");
        };
        assert_eq!(text, "access_denied: a [31m b c");
    }
}
