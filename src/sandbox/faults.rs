//! What goes wrong, as data: scripted rules ("the 2nd POST of this path") and percentages, both
//! repeatable. A percentage is drawn from seed, org, method, path and how often that very request
//! was seen, so that the order in which parallel requests arrive changes nothing.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mistake::Mistake;
use super::names;

/// One way a call can go wrong.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// 500 E0000009, nothing applied.
    ServerError,
    /// 503 E0000010, nothing applied.
    Unavailable,
    /// 502 with an HTML body, as a proxy sends it; nothing applied.
    BadGateway,
    /// 200 with an HTML body, as a captive portal sends it; nothing applied.
    ForeignBody,
    /// Nothing applied, the TCP connection is reset.
    Reset,
    /// Nothing applied, no answer ever.
    Hang,
    /// Nothing applied; the bucket's window is used up: 429.
    RateLimit,
    /// Nothing applied; 429 of the concurrency limit (limit 0, remaining 0).
    Concurrency,
    /// Applied, then the connection is closed without an answer.
    LostAnswer,
    /// Applied, then 500 E0000009.
    AppliedError,
    /// Applied; the answer's body breaks off in the middle.
    Truncated,
}

impl Fault {
    /// Whether the request takes effect all the same.
    pub(super) const fn applies(self) -> bool {
        matches!(
            self,
            Self::LostAnswer | Self::AppliedError | Self::Truncated
        )
    }
}

/// Methods of the requests that it answers.
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// What goes wrong in a sandbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Faults {
    /// Share of all API requests, 0 to 100, per kind.
    pub percent: BTreeMap<Fault, Percent>,
    /// Scripted faults; the first rule that fits decides.
    pub rules: Vec<FaultRule>,
}

/// A share of 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(with = "f64")]
pub struct Percent(f64);

impl TryFrom<f64> for Percent {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, String> {
        if (0.0..=100.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err(format!("{share} is not between 0 and 100"))
        }
    }
}

impl From<Percent> for f64 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

/// One scripted fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// What happens.
    pub fault: Fault,
    /// In which orgs, by name; `*` stands for anything. Default: all.
    #[serde(default = "anything")]
    pub org: String,
    /// To which HTTP method; `*` = any. Default: any.
    #[serde(default = "anything")]
    pub method: String,
    /// To which path (without query); `*` stands for anything. Default: all.
    #[serde(default = "anything")]
    pub path: String,
    /// From which fitting request of an org on, counted from 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub nth: u32,
    /// How many in a row; 0 = for ever.
    #[serde(default = "one")]
    pub times: u32,
}

fn anything() -> String {
    "*".to_owned()
}

const fn one() -> u32 {
    1
}

/// How often one org has seen what; kept by the org.
#[derive(Debug, Default)]
pub(super) struct Seen {
    rules: Vec<u32>,
    requests: HashMap<u64, u32>,
}

/// The request a fault is chosen for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub seed: u64,
    pub org: &'a str,
    pub method: &'a str,
    pub path: &'a str,
}

impl Faults {
    /// What is wrong with single values, as far as their types do not say so.
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        let percent: f64 = self.percent.values().map(|share| share.0).sum();
        if percent > 100.0 {
            found.push(Mistake {
                path: "faults.percent".to_owned(),
                message: format!("{percent} % of the requests go wrong"),
                hint: "all kinds together are at most 100",
            });
        }
        for (at, rule) in self.rules.iter().enumerate() {
            let mut add = |key: &str, message: String, hint| {
                found.push(Mistake {
                    path: format!("faults.rules[{at}].{key}"),
                    message,
                    hint,
                });
            };
            if rule.nth == 0 {
                let message = "requests are counted from 1".to_owned();
                add("nth", message, "leave it out for the first");
            }
            let method = &rule.method;
            if !METHODS.iter().any(|known| glob(method, known)) {
                let message = format!("no request has the method {method:?}");
                add("method", message, "GET, POST, PUT or DELETE; * means any");
            }
        }
        found
    }

    /// What happens to this request, and counts it.
    pub(super) fn choose(&self, target: Target<'_>, seen: &mut Seen) -> Option<Fault> {
        seen.rules.resize(self.rules.len(), 0);
        let mut chosen = None;
        for (rule, count) in self.rules.iter().zip(&mut seen.rules) {
            if !rule.fits(target) {
                continue;
            }
            *count += 1;
            let due = *count >= rule.nth && (rule.times == 0 || *count - rule.nth < rule.times);
            if due && chosen.is_none() {
                chosen = Some(rule.fault);
            }
        }
        chosen.or_else(|| self.draw(target, seen))
    }

    fn draw(&self, target: Target<'_>, seen: &mut Seen) -> Option<Fault> {
        if self.percent.is_empty() {
            return None;
        }
        let request = [target.org, target.method, target.path];
        let count = seen
            .requests
            .entry(names::number(target.seed, &request))
            .or_default();
        *count += 1;
        let turn = count.to_string();
        let mut left = 100.0
            * names::fraction(
                target.seed,
                &["fault", target.org, target.method, target.path, &turn],
            );
        for (fault, share) in &self.percent {
            if left < share.0 {
                return Some(*fault);
            }
            left -= share.0;
        }
        None
    }
}

impl FaultRule {
    fn fits(&self, target: Target<'_>) -> bool {
        glob(&self.org, target.org)
            && glob(&self.method, target.method)
            && glob(&self.path, target.path)
    }
}

/// Whether `text` is like `pattern`, in which `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target<'a>(method: &'a str, path: &'a str) -> Target<'a> {
        Target {
            seed: 7,
            org: "acme",
            method,
            path,
        }
    }

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("*", "anything", true),
            ("acme", "acme", true),
            ("acme", "acme2", false),
            ("*/default", "/x/connections/default", true),
            ("*/default", "/x/connections/default/jwks", false),
            ("/a*b*c", "/a-b-c", true),
            ("/a*b*c", "/a-c-b", false),
            ("org-*", "org-0001", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn the_nth_fitting_request_fails() {
        let faults: Faults = toml::from_str(
            "[[rules]]\nfault='lostAnswer'\nmethod='POST'\npath='*/default'\nnth=2\ntimes=2",
        )
        .unwrap();
        let mut seen = Seen::default();
        let got: Vec<_> = (0..5)
            .map(|_| {
                assert_eq!(faults.choose(target("GET", "/a/default"), &mut seen), None);
                faults.choose(target("POST", "/a/default"), &mut seen)
            })
            .collect();
        let lost = Some(Fault::LostAnswer);
        assert_eq!(got, [None, lost, lost, None, None]);
    }

    #[test]
    fn a_percentage_is_about_right_and_repeatable_in_any_order() {
        let faults: Faults = toml::from_str("[percent]\nreset=10.0\nhang=5.0").unwrap();
        let paths: Vec<_> = (0..2_000).map(|n| format!("/apps/{n}")).collect();
        let mut seen = Seen::default();
        let forward: Vec<_> = paths
            .iter()
            .map(|path| faults.choose(target("GET", path), &mut seen))
            .collect();
        let mut seen = Seen::default();
        let mut backward: Vec<_> = paths
            .iter()
            .rev()
            .map(|path| faults.choose(target("GET", path), &mut seen))
            .collect();
        backward.reverse();
        assert_eq!(forward, backward);
        let resets = forward.iter().filter(|f| **f == Some(Fault::Reset)).count();
        let hangs = forward.iter().filter(|f| **f == Some(Fault::Hang)).count();
        assert!((150..250).contains(&resets), "{resets}");
        assert!((60..140).contains(&hangs), "{hangs}");
    }
}
