//! An org under construction: the table of its keys, and what it must satisfy by itself.

use serde_json::Value;

use super::labels::{AskedLabels, label_part_flaw};
use super::org::{Auth, Limits, OrgSpec, PrivateKeyJwt, SANDBOX};
use super::problem::{Issues, shown};
use super::secret::SecretRef;
use super::shape::{Empty, Group, Item, Member};
use super::url::normalize_url;
use crate::jose::Algorithm;

/// An org as far as it was given.
#[derive(Default)]
pub(super) struct OrgDraft {
    pub name: String,
    url: Option<String>,
    api_token: Option<SecretRef>,
    access_token: Option<SecretRef>,
    jwt: Option<JwtDraft>,
    limits: LimitsDraft,
    worker: Vec<(String, Value)>,
    auth: bool,
}

#[derive(Default)]
struct JwtDraft {
    client_id: Option<String>,
    key_id: Option<String>,
    key: Option<SecretRef>,
    scopes: Vec<String>,
    algorithm: Option<Algorithm>,
    dpop: bool,
}

#[derive(Default)]
struct LimitsDraft {
    share: Option<f64>,
    max_rps: Option<f64>,
    max_in_flight: Option<f64>,
}

const ALGORITHMS: &[&str] = &[
    Algorithm::ALL[0].name(),
    Algorithm::ALL[1].name(),
    Algorithm::ALL[2].name(),
    Algorithm::ALL[3].name(),
    Algorithm::ALL[4].name(),
    Algorithm::ALL[5].name(),
];

const fn leaf(key: &'static str, item: Item<OrgDraft>) -> Member<OrgDraft> {
    Member { key, item }
}

const fn group(
    key: &'static str,
    open: fn(&mut OrgDraft),
    empty: Empty,
    members: &'static [Member<OrgDraft>],
) -> Member<OrgDraft> {
    Member {
        key,
        item: Item::Group(Group {
            members,
            open,
            null: None,
            empty,
        }),
    }
}

const URL: Member<OrgDraft> = leaf("url", Item::Text(|d, v| d.url = Some(v.to_owned())));
const AUTH: Member<OrgDraft> = group(
    "auth",
    |d| d.auth = true,
    Empty::Wrong,
    &[
        leaf("apiToken", Item::Secret(|d, v| d.api_token = Some(v))),
        leaf("accessToken", Item::Secret(|d, v| d.access_token = Some(v))),
        group(
            "privateKeyJwt",
            |d| _ = d.jwt(),
            Empty::Wrong,
            &[
                leaf(
                    "clientId",
                    Item::Text(|d, v| d.jwt().client_id = Some(v.to_owned())),
                ),
                leaf(
                    "keyId",
                    Item::Text(|d, v| d.jwt().key_id = Some(v.to_owned())),
                ),
                leaf("key", Item::Secret(|d, v| d.jwt().key = Some(v))),
                leaf("scopes", Item::List(|d, v| d.jwt().scopes = v)),
                leaf(
                    "algorithm",
                    Item::Choice(ALGORITHMS, |d, i| {
                        d.jwt().algorithm = Some(Algorithm::ALL[i]);
                    }),
                ),
                leaf("dpop", Item::Switch(|d, v| d.jwt().dpop = v)),
            ],
        ),
    ],
);
const LIMITS: Member<OrgDraft> = group(
    "limits",
    |_| {},
    Empty::Fine,
    &[
        leaf("share", Item::Number(|d, v| d.limits.share = Some(v))),
        leaf("maxRps", Item::Number(|d, v| d.limits.max_rps = Some(v))),
        leaf(
            "maxInFlight",
            Item::Number(|d, v| d.limits.max_in_flight = Some(v)),
        ),
    ],
);

const WORKER: Member<OrgDraft> = leaf(
    "worker",
    Item::Free("egress", |d, key, value| {
        d.worker.push((key.to_owned(), value));
    }),
);

/// An org in JSON, where its name is the key.
pub(super) static ORG: &[Member<OrgDraft>] = &[URL, AUTH, LIMITS, WORKER];
/// An org in CSV.
pub(super) static ORG_ROW: &[Member<OrgDraft>] = &[
    leaf("org", Item::Text(|d, v| v.clone_into(&mut d.name))),
    URL,
    AUTH,
    LIMITS,
    WORKER,
];

impl OrgDraft {
    fn jwt(&mut self) -> &mut JwtDraft {
        self.jwt.get_or_insert_default()
    }

    /// The org, if nothing is wrong with it.
    pub(super) fn finish(self, issues: &mut Issues) -> Option<OrgSpec> {
        check_name(&self.name, self.url.as_deref(), issues);
        let url = match self.url.as_deref() {
            None => {
                issues.push_hint("url", "is required", "https://… or sandbox");
                None
            }
            Some(SANDBOX) => Some(SANDBOX.to_owned()),
            Some(url) => match normalize_url(url) {
                Ok(url) => Some(url),
                Err(error) => {
                    match error.hint(url) {
                        Some(hint) => issues.push_hint("url", error.to_string(), hint),
                        None => issues.push("url", error.to_string()),
                    }
                    None
                }
            },
        };
        let needed = url.as_deref().is_some_and(|url| url != SANDBOX);
        let limits = self.limits.finish(issues);
        let worker = asked_labels(self.worker, issues);
        let given = usize::from(self.api_token.is_some())
            + usize::from(self.access_token.is_some())
            + usize::from(self.jwt.is_some());
        let auth = match (self.api_token, self.access_token, self.jwt) {
            _ if given > 1 => {
                issues.push(
                    "auth",
                    "takes exactly one of apiToken, accessToken and privateKeyJwt",
                );
                None
            }
            (Some(token), _, _) => Some(Auth::ApiToken(token)),
            (_, Some(token), _) => Some(Auth::AccessToken(token)),
            (_, _, Some(jwt)) => jwt.finish(issues).map(Auth::PrivateKeyJwt),
            _ if issues.mention("auth") => None,
            _ if needed || self.auth => {
                issues.push_hint(
                    "auth",
                    "is required",
                    "give auth.apiToken, auth.accessToken or auth.privateKeyJwt",
                );
                None
            }
            _ => None,
        };
        (issues.is_empty()).then_some(OrgSpec {
            url: url?,
            auth,
            limits,
            worker,
            folder: None,
        })
    }
}

fn asked_labels(given: Vec<(String, Value)>, issues: &mut Issues) -> AskedLabels {
    let mut asked = AskedLabels::new();
    for (key, value) in given {
        // Cells have no quotes that tell a text from a switch.
        let text = match value {
            Value::String(text) => Some(text),
            Value::Bool(is_so) => Some(is_so.to_string()),
            _ => None,
        };
        let flaw = match text.as_deref() {
            None => Some(("value", "is no text")),
            Some(text) => label_part_flaw(&key)
                .map(|flaw| ("key", flaw))
                .or_else(|| label_part_flaw(text).map(|flaw| ("value", flaw))),
        };
        match (flaw, text) {
            (None, Some(text)) => drop(asked.insert(key, text)),
            (flaw, _) => {
                let (what, flaw) = flaw.unwrap_or_default();
                issues.push_hint(
                    format!("worker.{key}"),
                    format!("the {what} {flaw}"),
                    "give what `--label KEY=VALUE` of a worker says, as in worker.egress with eu",
                );
            }
        }
    }
    asked
}

fn check_name(name: &str, url: Option<&str>, issues: &mut Issues) {
    if name.trim().is_empty() {
        issues.push("org", "the org has no name");
    } else if name.trim().len() != name.len() || name.chars().any(char::is_control) {
        issues.push(
            "org",
            "the name has space around it or a control character in it",
        );
    } else if url == Some(SANDBOX) {
        let inside = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !inside || name.len() > 63 || name.starts_with('-') || name.ends_with('-') {
            // It becomes NAME.localhost.
            issues.push_hint(
                "org",
                format!("{} cannot be the name of a sandbox org", shown(name)),
                "use lower-case letters, digits and hyphens, at most 63",
            );
        }
    }
}

impl JwtDraft {
    fn finish(self, issues: &mut Issues) -> Option<PrivateKeyJwt> {
        for (field, missing) in [
            ("auth.privateKeyJwt.clientId", self.client_id.is_none()),
            ("auth.privateKeyJwt.keyId", self.key_id.is_none()),
            ("auth.privateKeyJwt.key", self.key.is_none()),
            ("auth.privateKeyJwt.scopes", self.scopes.is_empty()),
        ] {
            if missing {
                issues.push(field, "is required");
            }
        }
        // Blanks stand between scopes when they are asked for.
        for scope in &self.scopes {
            let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b',');
            if scope.is_empty() || !scope.bytes().all(fits) {
                issues.push_hint(
                    "auth.privateKeyJwt.scopes",
                    format!("{} is not a scope", shown(scope)),
                    "give a list of scopes such as okta.apps.manage; in CSV with ; between them",
                );
            }
        }
        Some(PrivateKeyJwt {
            client_id: self.client_id?,
            key_id: self.key_id?,
            key: self.key?,
            scopes: self.scopes,
            algorithm: self.algorithm,
            dpop: self.dpop,
        })
    }
}

impl LimitsDraft {
    fn finish(&self, issues: &mut Issues) -> Limits {
        if self.share.is_some_and(|share| share <= 0.0 || share > 1.0) {
            issues.push_hint(
                "limits.share",
                "must be over 0 and at most 1",
                "0.9 is 90 %",
            );
        }
        if self.max_rps.is_some_and(|rps| rps <= 0.0) {
            issues.push("limits.maxRps", "must be over 0");
        }
        let max_in_flight = self.max_in_flight.and_then(|number| {
            let whole = number.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&number);
            if !whole {
                issues.push("limits.maxInFlight", "must be a whole number, 1 or more");
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "just found to be a whole number within u32"
            )]
            whole.then_some(number as u32)
        });
        Limits {
            share: self.share,
            max_rps: self.max_rps,
            max_in_flight,
        }
    }
}
