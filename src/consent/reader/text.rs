//! Bytes become text: UTF-8, UTF-16 as Notepad and PowerShell write it, with or without a byte order mark,
//! and what is neither. Only ASCII matters to a link, so nothing here can fail.

use encoding_rs::{Encoding, WINDOWS_1252};

/// Of so many bytes one is NUL: UTF-16 without a mark, or a program's file with UTF-16 inside.
const NUL_SHARE: usize = 8;

/// The text of some bytes.
pub(super) fn decode(bytes: &[u8]) -> String {
    let mut text = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => encoding
            .decode_without_bom_handling(&bytes[mark..])
            .0
            .into_owned(),
        None if has_many_nuls(bytes) => {
            let bytes: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
            without_encoding(&bytes)
        }
        None => without_encoding(bytes),
    };
    if text.contains('\0') {
        text.retain(|c| c != '\0');
    }
    text
}

fn has_many_nuls(bytes: &[u8]) -> bool {
    bytes.len() >= NUL_SHARE && memchr::memchr_iter(0, bytes).count() > bytes.len() / NUL_SHARE
}

// A file may be UTF-8 but for a few bytes, e.g. after two were joined: those are read as Windows has them.
fn without_encoding(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_read() {
        let wide = |mark: &[u8], unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let units = "https://a ü".encode_utf16().flat_map(unit);
            mark.iter().copied().chain(units).collect()
        };
        let utf32: Vec<u8> = "\u{feff}https://a"
            .chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect();
        for (bytes, text) in [
            (b"".to_vec(), ""),
            ("https://a ü".into(), "https://a ü"),
            ("\u{feff}https://a".into(), "https://a"),
            (wide(b"\xff\xfe", u16::to_le_bytes), "https://a ü"),
            (wide(b"\xfe\xff", u16::to_be_bytes), "https://a ü"),
            (wide(b"", u16::to_le_bytes), "https://a ü"),
            (wide(b"", u16::to_be_bytes), "https://a ü"),
            (utf32, "https://a"),
            (b"\x93https://a\x94".to_vec(), "\u{201c}https://a\u{201d}"),
            (b"caf\xe9 \xc3\xbc".to_vec(), "café ü"),
        ] {
            assert_eq!(decode(&bytes), text, "{bytes:?}");
        }
    }
}
