//! Times for people. What the ledger, reports and hints hold is in UTC; on the screen it is in the person's time zone.

use std::borrow::Cow;
use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2026-01-02T03:04:05` and what may follow: a fraction of at most nine digits, and `Z`.
const SECONDS: usize = 19;

/// The text with every time in UTC in it as one of this zone.
pub(super) fn local<'a>(text: &'a str, zone: &TimeZone) -> Cow<'a, str> {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('T') {
        let begin = at.checked_sub(10);
        let found = begin.and_then(|begin| Some((begin, leading(rest.get(begin..)?)?)));
        let (before, after) = match found {
            Some((begin, (time, length))) => {
                let time = time.to_zoned_datetime(zone.clone());
                let time = time.strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
                done.push_str(&rest[..begin]);
                done.push_str(&time);
                ("", &rest[begin + length..])
            }
            None => rest.split_at(at + 1),
        };
        done.push_str(before);
        rest = after;
    }
    if done.is_empty() {
        return Cow::Borrowed(text);
    }
    done.push_str(rest);
    Cow::Owned(done)
}

/// The time in UTC that a text begins with, and its length there.
fn leading(text: &str) -> Option<(Timestamp, usize)> {
    let rest = text.get(SECONDS..)?;
    let digits = rest.strip_prefix('.').map_or(0, |fraction| {
        1 + fraction.bytes().take_while(u8::is_ascii_digit).count()
    });
    rest.get(digits..)?.strip_prefix('Z')?;
    let length = SECONDS + digits + 1;
    let time = text[..length].parse().ok()?;
    Some((time, length))
}

/// Hands lines on with their times in another zone.
pub(super) struct LocalLines<'a> {
    out: &'a mut dyn Write,
    zone: TimeZone,
    line: Vec<u8>,
}

impl<'a> LocalLines<'a> {
    pub fn new(out: &'a mut dyn Write, zone: TimeZone) -> Self {
        Self {
            out,
            zone,
            line: Vec::new(),
        }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        let line = String::from_utf8_lossy(&self.line);
        self.out.write_all(local(&line, &self.zone).as_bytes())?;
        self.line.clear();
        Ok(())
    }
}

impl Write for LocalLines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.line.extend_from_slice(&bytes[..taken]);
        if end.is_some() {
            self.hand_on()?;
        }
        Ok(taken)
    }

    /// What is left is a line that has no end.
    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_handed_on_in_any_pieces() {
        let text =
            "at 2026-01-02T03:04:05Z\nand ä at 2026-01-02T03:04:06Z\nno end 2026-01-02T03:04:07Z";
        for piece in 1..text.len() {
            let mut out = Vec::new();
            let mut lines = LocalLines::new(&mut out, TimeZone::get("Asia/Tokyo").unwrap());
            for bytes in text.as_bytes().chunks(piece) {
                lines.write_all(bytes).unwrap();
            }
            lines.flush().unwrap();
            assert_eq!(
                String::from_utf8(out).unwrap(),
                "at 2026-01-02 12:04:05 JST\nand ä at 2026-01-02 12:04:06 JST\nno end 2026-01-02 12:04:07 JST"
            );
        }
    }

    #[test]
    fn times_in_utc_become_local_and_nothing_else_changes() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        for (text, wanted) in [
            ("", ""),
            ("no time, but a T", "no time, but a T"),
            ("2026-01-02T03:04:05Z", "2026-01-02 04:04:05 CET"),
            (
                "begun 2026-07-02T23:04:05.25Z, ended",
                "begun 2026-07-03 01:04:05 CEST, ended",
            ),
            ("TT2026-01-02T03:04:05ZT", "TT2026-01-02 04:04:05 CETT"),
            (
                "2026-01-02T03:04:05Z2026-01-02T03:04:05Z",
                "2026-01-02 04:04:05 CET2026-01-02 04:04:05 CET",
            ),
            ("2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05+01:00"),
            ("2026-13-02T03:04:05Z", "2026-13-02T03:04:05Z"),
            ("2026-01-02T03:04:05.Z", "2026-01-02T03:04:05.Z"),
            ("2026-01-02T", "2026-01-02T"),
            ("äöüäöüäöüT03:04:05Z", "äöüäöüäöüT03:04:05Z"),
            ("ä2026-01-02T03:04:05Zä", "ä2026-01-02 04:04:05 CETä"),
        ] {
            assert_eq!(local(text, &zone), wanted, "{text}");
        }
    }
}
