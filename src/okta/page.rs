//! Takes a page of a list apart while it comes: of each element only what is used is kept, so that a page, which may be
//! large, takes little memory, however many pages come at once.

/// Largest page that is read, decompressed (bytes). One of 200 apps has about 2 MB.
pub(super) const MAX_PAGE: usize = 8 * 1024 * 1024;

/// Largest element of a page (bytes), which is an object as one is answered by itself.
const MAX_ELEMENT: usize = super::content::MAX_OBJECT;

/// Most that is kept of a page (bytes): some 20,000 apps, a hundred times what is asked for.
const MAX_KEPT: usize = 2 * 1024 * 1024;

/// What is kept of an element; nothing, if it is not of the list, and an error, if it is no JSON.
pub(super) type Keep = fn(&[u8]) -> Result<Option<Vec<u8>>, serde_json::Error>;

/// A page that is not read to its end, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge(pub(super) &'static str);

const PAGE: TooLarge = TooLarge("the answer is larger than 8 MiB");
const ELEMENT: TooLarge = TooLarge("an element of the answer is larger than 1 MiB");
const NO_LIST: TooLarge = TooLarge("the answer is larger than 1 MiB");
const KEPT: TooLarge = TooLarge("the answer has far more elements than were asked for");

/// A page of a list while its bytes arrive.
pub(super) struct Page {
    keep: Keep,
    kept: Vec<u8>,
    read: usize,
    place: Place,
    element: Element,
}

/// Where in a page it continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At its start; so many bytes of a byte order mark were seen.
    Start(usize),
    /// What comes is no list: it is kept as it is.
    NoList,
    /// Where the first element may be, or the end.
    First,
    /// Where an element has to be.
    Next,
    In,
    /// After an element.
    After,
    /// After the list.
    End,
    /// It is no JSON.
    Broken,
}

/// The element that is coming.
#[derive(Default)]
struct Element {
    bytes: Vec<u8>,
    depth: usize,
    in_text: bool,
    escaped: bool,
}

impl Element {
    /// How much of what comes next belongs to it: all, or up to what ends it.
    fn inside(&mut self, coming: &[u8]) -> usize {
        let mut at = 0;
        while let Some(&byte) = coming.get(at) {
            if self.in_text && !self.escaped {
                // Most of a page is in texts.
                let rest = &coming[at..];
                let Some(plain) = memchr::memchr2(b'"', b'\\', rest) else {
                    return coming.len();
                };
                at += plain;
                self.escaped = rest[plain] == b'\\';
                self.in_text = self.escaped;
            } else if self.escaped {
                self.escaped = false;
            } else {
                let is_begun = at > 0 || !self.bytes.is_empty();
                if self.depth == 0 && is_begun && ends_element(byte) {
                    return at;
                }
                match byte {
                    b'"' => self.in_text = true,
                    b'[' | b'{' => self.depth += 1,
                    b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
            at += 1;
        }
        at
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        if self.bytes.len() + bytes.len() > MAX_ELEMENT {
            return Err(ELEMENT);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

fn ends_element(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b",]".contains(&byte)
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

impl Page {
    pub(super) fn new(keep: Keep) -> Self {
        Self {
            keep,
            kept: Vec::new(),
            read: 0,
            place: Place::Start(0),
            element: Element::default(),
        }
    }

    /// Takes what has come.
    ///
    /// # Errors
    /// When it is too much.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), TooLarge> {
        self.read += chunk.len();
        if self.read > MAX_PAGE {
            return Err(PAGE);
        }
        let mut rest = chunk;
        while let Some((&byte, after)) = rest.split_first() {
            if self.place == Place::In {
                let (inside, others) = rest.split_at(self.element.inside(rest));
                self.element.extend(inside)?;
                if !others.is_empty() {
                    self.end_element()?;
                }
                rest = others;
            } else if self.begins_element(byte) {
                self.place = Place::In;
            } else {
                self.take(byte)?;
                rest = after;
            }
        }
        Ok(())
    }

    fn begins_element(&self, byte: u8) -> bool {
        let may = matches!(self.place, Place::First | Place::Next);
        may && !byte.is_ascii_whitespace() && !b",]}:".contains(&byte)
    }

    /// The page with what is kept; what came, if it was no list; no JSON, if it was none or was cut short.
    pub(super) fn finish(self) -> Vec<u8> {
        match self.place {
            Place::Start(_) | Place::NoList | Place::End => self.kept,
            Place::First | Place::Next | Place::In | Place::After | Place::Broken => vec![b'['],
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), TooLarge> {
        let is_blank = byte.is_ascii_whitespace();
        match self.place {
            Place::Start(seen) if BOM.get(seen) == Some(&byte) => {
                self.place = Place::Start(seen + 1);
            }
            Place::Start(_) | Place::First | Place::Next | Place::After | Place::End
                if is_blank => {}
            Place::Start(_) if byte == b'[' => self.open(),
            Place::Start(_) => {
                self.place = Place::NoList;
                return self.take(byte);
            }
            Place::NoList => {
                if self.kept.len() >= MAX_ELEMENT {
                    return Err(NO_LIST);
                }
                self.kept.push(byte);
            }
            Place::First | Place::After if byte == b']' => self.close(),
            Place::After if byte == b',' => self.place = Place::Next,
            Place::First | Place::Next | Place::After | Place::End => self.place = Place::Broken,
            // An element takes its bytes itself.
            Place::In | Place::Broken => {}
        }
        Ok(())
    }

    fn open(&mut self) {
        self.kept.push(b'[');
        self.place = Place::First;
    }

    fn close(&mut self) {
        self.kept.push(b']');
        self.place = Place::End;
    }

    fn end_element(&mut self) -> Result<(), TooLarge> {
        self.place = Place::After;
        let kept = (self.keep)(&self.element.bytes);
        self.element = Element {
            bytes: std::mem::take(&mut self.element.bytes),
            ..Element::default()
        };
        self.element.bytes.clear();
        match kept {
            Ok(Some(kept)) => {
                if self.kept.len() > 1 {
                    self.kept.push(b',');
                }
                self.kept.extend_from_slice(&kept);
                if self.kept.len() > MAX_KEPT {
                    return Err(KEPT);
                }
            }
            Ok(None) => {}
            Err(_) => self.place = Place::Broken,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps objects, as they are.
    fn objects(element: &[u8]) -> Result<Option<Vec<u8>>, serde_json::Error> {
        serde_json::from_slice(element)
            .map(|serde::de::IgnoredAny| element.starts_with(b"{").then(|| element.to_vec()))
    }

    fn read(body: &[u8], chunk: usize) -> Result<String, TooLarge> {
        let mut page = Page::new(objects);
        for part in body.chunks(chunk) {
            page.push(part)?;
        }
        Ok(String::from_utf8(page.finish()).expect("text"))
    }

    #[test]
    fn elements_are_taken_apart_wherever_a_chunk_ends() {
        for (body, wanted) in [
            ("", ""),
            (" \r\n", ""),
            ("[]", "[]"),
            ("\u{feff} [ ] ", "[]"),
            ("[{}]", "[{}]"),
            (
                r#"[{"a":[1,{"b":"]}"}]},7,"x]",null , {"c":"\\\"}"} ]"#,
                r#"[{"a":[1,{"b":"]}"}]},{"c":"\\\"}"}]"#,
            ),
            ("[[{}],{}]", "[{}]"),
            ("[\"{\",true,-1.5e3]", "[]"),
            // No list.
            ("{}", "{}"),
            ("null", "null"),
            ("<html>", "<html>"),
            // No JSON.
            ("[", "["),
            ("[{}", "["),
            ("[{},", "["),
            ("[{},]", "["),
            ("[,{}]", "["),
            ("[{}{}]", "["),
            ("[{} {}]", "["),
            ("[nul]", "["),
            ("[{\"a\":}]", "["),
            ("[}]", "["),
            ("[{]}]", "["),
            ("[{}]]", "["),
            ("[{}],", "["),
            ("[{}]x", "["),
            ("[\"a]", "["),
        ] {
            for chunk in [1, 2, 3, 1_000] {
                let found = read(body.as_bytes(), chunk).expect("small");
                assert_eq!(found, wanted, "{body} in chunks of {chunk}");
                let is_json = serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
                let is_read = serde_json::from_str::<serde::de::IgnoredAny>(&found).is_ok();
                let has_mark = body.starts_with('\u{feff}');
                assert!(is_json == is_read || has_mark, "{body}");
            }
        }
    }

    #[test]
    fn what_is_too_large_is_not_read_to_its_end() {
        let text = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        let element = text(MAX_ELEMENT);
        let blanks = " ".repeat(MAX_PAGE - 2);
        let object = format!("{{\"a\":{}}}", text(MAX_ELEMENT / 2));
        for (body, wanted) in [
            (format!("[{element}]"), Ok(())),
            (format!("[{}]", text(MAX_ELEMENT + 1)), Err(ELEMENT)),
            (format!("[{}", "[".repeat(MAX_ELEMENT)), Ok(())),
            (format!("[{}", "[".repeat(MAX_ELEMENT + 1)), Err(ELEMENT)),
            (format!("[{blanks}]"), Ok(())),
            (format!("[{blanks} ]"), Err(PAGE)),
            (format!("[{}]", [element.as_str(); 7].join(",")), Ok(())),
            (format!("[{}]", [element.as_str(); 8].join(",")), Err(PAGE)),
            (element.clone(), Ok(())),
            (format!("{element} "), Err(NO_LIST)),
            (format!("[{}]", [object.as_str(); 3].join(",")), Ok(())),
            (format!("[{}]", [object.as_str(); 4].join(",")), Err(KEPT)),
        ] {
            let found = read(body.as_bytes(), 16 * 1024).map(drop);
            assert_eq!(found, wanted, "{} bytes", body.len());
        }
    }
}
