//! Takes the samples of a target, mutates them, and stops at the first input that makes it fail.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Mutations without a time given.
const MUTATIONS: usize = 300;

/// No input grows beyond this (bytes): what is slow only when large has tests of its own.
const MAX_INPUT: usize = 32 * 1024;

/// What formats are made of.
const PIECES: [&[u8]; 28] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b";",
    b"=",
    b"%",
    b"&",
    b"\n",
    b"\r\n",
    b"\t",
    b" ",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xe2\x80\x8b",
    b"\xe2\x80\xae",
    b"\x1b[31m",
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"\\ud800",
    b"https://",
];

/// Panics of any thread: what a target starts may die without its noticing.
static PANICS: AtomicUsize = AtomicUsize::new(0);
static HOOK: Once = Once::new();

/// A generator of numbers that gives the same every time (xorshift64).
pub struct Random(u64);

impl Random {
    /// Below `end`; 0 if that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// Gives a target each sample as it is, then mutations, as long as it is time.
pub fn fuzz(target: &str, more: Vec<Vec<u8>>, mut run: impl FnMut(&[u8], &mut Random)) {
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // Those of a test's own thread are caught there; the others' names have no path of modules.
            let thread = std::thread::current();
            if !thread.name().is_some_and(|name| name.contains("::")) {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            usual(panic);
        }));
    });
    let mut samples = samples(target);
    samples.extend(more);
    assert!(!samples.is_empty(), "{target} has no corpus");
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ u64::try_from(target.len()).unwrap());
    let seconds = std::env::var("OKTA_ROLLOUT_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let began = Instant::now();
    let mut done = 0;
    while done < samples.len()
        || seconds.map_or(done < samples.len() + MUTATIONS, |seconds| {
            began.elapsed() < seconds
        })
    {
        let input = match samples.get(done) {
            Some(sample) => sample.clone(),
            None => mutation(&samples, &mut random),
        };
        let before = PANICS.load(Ordering::Relaxed);
        let ended = catch_unwind(AssertUnwindSafe(|| run(&input, &mut random)));
        if ended.is_err() || PANICS.load(Ordering::Relaxed) > before {
            let kept = keep(target, &input);
            panic!("{target}, input {done}, fails on {}", kept.display());
        }
        done += 1;
    }
}

fn samples(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(target);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

fn mutation(samples: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = samples[random.below(samples.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(16)).min(bytes.len());
        match random.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            2 | 3 => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            4 => drop(bytes.drain(at.min(end)..end)),
            5 => {
                let again = bytes[at.min(end)..end].repeat(1 + random.below(40));
                bytes.splice(at..at, again);
            }
            6 => bytes.truncate(at),
            _ => {
                let other = &samples[random.below(samples.len())];
                let from = random.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes.truncate(MAX_INPUT);
    bytes
}

fn keep(target: &str, input: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/fuzz");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{target}-{}", std::process::id()));
    std::fs::write(&file, input).unwrap();
    file
}
