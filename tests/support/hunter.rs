//! Looks for secrets in everything that the program said and left behind, at the end of every story.
//!
//! It knows the spellings by itself, and not from the program's own redaction: the two would agree on what
//! both forget.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// A shorter text is no secret: it may stand anywhere.
const SHORTEST: usize = 8;

/// What was typed, and what it made a command say.
type Said = (String, Vec<u8>);

/// Keeps what commands say, in any thread.
#[derive(Clone, Default)]
pub struct Ear(Arc<Mutex<Vec<Said>>>);

impl Ear {
    /// `typed` is the command.
    pub fn hear(&self, typed: &str, said: &[u8]) {
        let mut heard = self.0.lock().unwrap();
        heard.push((typed.to_owned(), said.to_owned()));
    }
}

/// Secrets of a story, what is no leak of them, and what was said.
#[derive(Default)]
pub struct Hunter {
    secrets: Mutex<BTreeMap<String, String>>,
    inputs: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    pub ear: Ear,
}

impl Hunter {
    /// From now on this is a secret; `name` is what a leak is told by.
    pub fn secret(&self, name: &str, value: &str) {
        let value = value.trim().to_owned();
        if value.len() >= SHORTEST {
            self.secrets.lock().unwrap().insert(value, name.to_owned());
        }
    }

    /// A file that the story wrote: as long as it stays like this, what is in it is no leak.
    pub fn input(&self, path: &Path, content: &[u8]) {
        self.inputs
            .lock()
            .unwrap()
            .insert(path.to_owned(), content.to_owned());
    }

    /// Keeps what a command said.
    pub fn hear(&self, typed: &str, said: &[u8]) {
        self.ear.hear(typed, said);
    }

    /// Where in a folder, or in what was said, a secret stands: `ledger.db: API token of acme (base64)`.
    pub fn leaks(&self, folder: &Path) -> Vec<String> {
        let secrets = self.secrets.lock().unwrap();
        let forms: Vec<_> = secrets
            .iter()
            .flat_map(|(value, name)| {
                let named = move |(form, text)| (format!("{name} ({form})"), text);
                forms(value).into_iter().map(named)
            })
            .collect();
        let finder = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(forms.iter().map(|(_, text)| text))
            .unwrap();
        let found = |place: &str, content: &[u8]| {
            let hits = finder.find_overlapping_iter(content);
            let mut hits: Vec<_> = hits.map(|hit| hit.pattern().as_usize()).collect();
            hits.sort_unstable();
            hits.dedup();
            let told = |hit: usize| format!("{place}: {}", forms[hit].0);
            hits.into_iter().map(told).collect::<Vec<_>>()
        };
        let mut leaks = Vec::new();
        for path in files(folder) {
            // It may have gone meanwhile, and what is no regular file holds nothing.
            let Ok(content) = std::fs::read(&path) else {
                continue;
            };
            let shown = path.strip_prefix(folder).unwrap_or(&path).display();
            leaks.extend(found(
                &format!("name of {shown}"),
                shown.to_string().as_bytes(),
            ));
            if self.inputs.lock().unwrap().get(&path) != Some(&content) {
                leaks.extend(found(&shown.to_string(), &content));
            }
        }
        for (typed, said) in self.ear.0.lock().unwrap().iter() {
            leaks.extend(found(typed, said));
        }
        leaks
    }

    /// As [`Self::leaks`]: there are none.
    ///
    /// # Panics
    /// When there are.
    pub fn assert_nothing_leaked(&self, folder: &Path) {
        let leaks = self.leaks(folder);
        assert!(leaks.is_empty(), "secrets leaked: {leaks:#?}");
    }
}

/// A secret in the spellings that programs, servers and proxies have for it.
pub fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let each = |spelled: &dyn Fn(u8) -> String| secret.bytes().map(spelled).collect::<String>();
    let url: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::to_string(secret).unwrap();
    let json = json[1..json.len() - 1].to_owned();
    let html = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let mut forms = vec![
        ("plain", secret.to_owned()),
        ("in a URL", url.replace('+', "%20")),
        ("in a form", url),
        ("JSON", json.replace('/', "\\/")),
        ("JSON", json),
        ("HTML", html),
        ("percent-encoded", each(&|byte| format!("%{byte:02x}"))),
        ("JSON escapes", each(&|byte| format!("\\u{byte:04x}"))),
        ("HTML entities", each(&|byte| format!("&#{byte};"))),
        ("hex", hex::encode(secret)),
        ("backwards", secret.chars().rev().collect()),
    ];
    for before in 0..3 {
        let bytes = [vec![b'x'; before], secret.as_bytes().to_vec()].concat();
        let encoded = STANDARD_NO_PAD.encode(&bytes);
        // Only what no neighbour decides: a character stands for six bits.
        let own = &encoded[(before * 8).div_ceil(6)..bytes.len() * 8 / 6];
        forms.push(("base64", own.replace('+', "-").replace('/', "_")));
        forms.push(("base64", own.to_owned()));
    }
    let mut seen = std::collections::BTreeSet::new();
    forms.retain(|(_, text)| text.len() >= SHORTEST && seen.insert(text.clone()));
    forms
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}
