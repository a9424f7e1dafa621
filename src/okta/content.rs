//! What kind of body an answer has.

/// Largest object that is read, decompressed (bytes). What is larger is not Okta's, and reading stops there.
pub(super) const MAX_OBJECT: usize = 1024 * 1024;

/// A body without a byte order mark.
pub(super) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// What kind of body an answer has, as far as its first byte tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing, or only white space.
    Empty,
    /// An object, a list or `null`: what Okta sends, if perhaps cut short.
    Json,
    /// Something Okta's API never sends, as a proxy or captive portal does.
    Foreign,
}

pub(super) fn content(bytes: &[u8]) -> Content {
    let text = without_bom(bytes).trim_ascii();
    match text.first() {
        None => Content::Empty,
        Some(b'{' | b'[') => Content::Json,
        Some(_) if text == b"null" => Content::Json,
        Some(_) => Content::Foreign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_recognized_by_its_first_byte() {
        let cases: [(&[u8], Content); 8] = [
            (b"", Content::Empty),
            (b" \r\n", Content::Empty),
            (b"\xEF\xBB\xBF{}", Content::Json),
            (b" [", Content::Json),
            (b"null", Content::Json),
            (b"<html>", Content::Foreign),
            (b"OK", Content::Foreign),
            (b"\0\0", Content::Foreign),
        ];
        for (bytes, expected) in cases {
            assert_eq!(content(bytes), expected, "{bytes:?}");
        }
    }
}
