//! Counts and codes as every line has them.

/// `1 entry`, `2 entries`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// ` (E0000001, HTTP 400, request abc)`, or nothing.
pub(crate) fn codes(okta: Option<&str>, http: Option<u16>, request: Option<&str>) -> String {
    let parts: Vec<String> = [
        okta.map(str::to_owned),
        http.map(|status| format!("HTTP {status}")),
        request.map(|id| format!("request {id}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}
