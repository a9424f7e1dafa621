//! Orgs by name, from the manifest and from `--orgs`: reading, merging and checking them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::csv::{self, Receiver};
use super::input::{Format, ManifestError, Stream, folder, format, open, read_text, refuse_start};
use super::json::{At, Filler, ObjectPlace, Text, kind, pairs, string};
use super::org::{Auth, Limits, OrgSpec, PrivateKeyJwt};
use super::problem::{Issues, Place, Problem, Problems, shown};
use super::secret::SecretRef;
use super::shape::{Empty, Group, Item, Member};
use super::url::normalize_url;

/// The `url` of an org that the program serves itself.
pub const SANDBOX: &str = "sandbox";

/// The orgs of a manifest, by name.
#[derive(Clone, Debug, Default)]
pub struct Orgs {
    list: Vec<Org>,
    by_name: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Org {
    name: String,
    spec: OrgSpec,
    url: String,
    file: PathBuf,
}

impl Orgs {
    /// The org of this name; its `url` is normalized.
    pub fn get(&self, name: &str) -> Option<&OrgSpec> {
        self.find(name).map(|org| &org.spec)
    }

    /// Every org with its name, in the order read.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OrgSpec)> {
        self.list.iter().map(|org| (org.name.as_str(), &org.spec))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The folder that the org's `file:` references are relative to; `.` for an unknown org.
    pub fn base(&self, name: &str) -> PathBuf {
        self.find(name)
            .map_or(PathBuf::from("."), |org| folder(&org.file))
    }

    /// The file an org stands in; empty for an unknown org.
    pub(super) fn file(&self, name: &str) -> &Path {
        self.find(name).map_or(Path::new(""), |org| &org.file)
    }

    /// The org's normalized URL, or `sandbox:NAME`; empty for an unknown org.
    pub fn url(&self, name: &str) -> String {
        self.find(name)
            .map(|org| org.url.clone())
            .unwrap_or_default()
    }

    /// The number of an org, which stands for its URL.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    fn find(&self, name: &str) -> Option<&Org> {
        self.number(name).and_then(|number| self.list.get(number))
    }
}

/// An org as far as it was given.
#[derive(Default)]
pub(super) struct OrgDraft {
    name: String,
    url: Option<String>,
    api_token: Option<SecretRef>,
    access_token: Option<SecretRef>,
    jwt: Option<JwtDraft>,
    limits: LimitsDraft,
    auth: bool,
}

#[derive(Default)]
struct JwtDraft {
    client_id: Option<String>,
    key_id: Option<String>,
    key: Option<SecretRef>,
    scopes: Vec<String>,
}

#[derive(Default)]
struct LimitsDraft {
    share: Option<f64>,
    max_rps: Option<f64>,
    max_in_flight: Option<f64>,
}

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
            |d| drop(d.jwt()),
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

/// An org in JSON, where its name is the key.
static ORG: &[Member<OrgDraft>] = &[URL, AUTH, LIMITS];
/// An org in CSV.
static ORG_ROW: &[Member<OrgDraft>] = &[
    leaf("org", Item::Text(|d, v| v.clone_into(&mut d.name))),
    URL,
    AUTH,
    LIMITS,
];

impl OrgDraft {
    fn jwt(&mut self) -> &mut JwtDraft {
        self.jwt.get_or_insert_default()
    }

    // The org, if nothing is wrong with it.
    fn finish(self, issues: &mut Issues) -> Option<OrgSpec> {
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
                    issues.push("url", error.to_string());
                    None
                }
            },
        };
        let needed = url.as_deref().is_some_and(|url| url != SANDBOX);
        let limits = self.limits.finish(issues);
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
        })
    }
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
        Some(PrivateKeyJwt {
            client_id: self.client_id?,
            key_id: self.key_id?,
            key: self.key?,
            scopes: self.scopes,
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

/// Orgs while they are read.
#[derive(Default)]
pub(super) struct Loader {
    pub orgs: Orgs,
    /// Names of orgs with mistakes: known, but not usable.
    broken: HashSet<String>,
    by_url: HashMap<String, usize>,
    /// Whether a source could not be read: then an unknown org is not the entry's mistake.
    pub partial: bool,
}

impl Loader {
    /// Whether some org has this name, usable or not.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.partial || self.orgs.by_name.contains_key(name) || self.broken.contains(name)
    }

    /// Reads the orgs of a `--orgs` file.
    pub(super) fn read_file(&mut self, file: &Path, problems: &mut Problems) {
        let outcome = self.try_read_file(file, problems);
        if let Err(error) = outcome {
            self.partial = true;
            let mut problem = Problem::of_file(file, without_name(&error));
            problem.hint = error.hint();
            problems.push(problem);
        }
    }

    fn try_read_file(&mut self, file: &Path, problems: &mut Problems) -> Result<(), ManifestError> {
        let failed = |error| ManifestError::unreadable(file, error);
        let format = match format(file) {
            Ok(Format::Jsonl) | Err(_) => {
                return Err(ManifestError::UnknownFormat(file.to_owned()));
            }
            Ok(format) => format,
        };
        let mut stream = Stream::new(open(file)?);
        if format == Format::Csv {
            if let Some(problem) = refuse_start(file, stream.start().map_err(failed)?) {
                self.partial = true;
                problems.push(problem);
                return Ok(());
            }
            let before = problems.count();
            let mut rows = Rows {
                loader: self,
                file,
                names: HashSet::new(),
                problems,
            };
            csv::read(file, &mut stream, ORG_ROW, &mut rows).map_err(failed)?;
            self.partial |= problems.count() > before;
            return Ok(());
        }
        match read_text(file, &mut stream).map_err(failed)? {
            Ok(text) => self.read_document(file, &text, problems),
            Err(problem) => {
                self.partial = true;
                problems.push(problem);
            }
        }
        Ok(())
    }

    fn read_document(&mut self, file: &Path, text: &str, problems: &mut Problems) {
        let text = Text::new(text, 1);
        let root = match text.parse() {
            Ok(root) => root,
            Err(error) => {
                self.partial = true;
                problems.push(Problem::of_file(file, error.message).at(error.spot));
                return;
            }
        };
        // A manifest may serve as orgs file, too.
        let wrapped = pairs(root).and_then(|pairs| {
            let manifest = ["orgs", "defaults", "apps", "$schema"];
            if !pairs
                .iter()
                .all(|pair| manifest.contains(&pair.key.as_ref()))
            {
                return None;
            }
            let orgs = pairs.into_iter().find(|pair| pair.key == "orgs")?.value;
            let is_org = self::pairs(orgs)?
                .iter()
                .any(|pair| pair.key == "url" && string(pair.value).is_some());
            (!is_org).then_some(orgs)
        });
        self.read_object(file, &text, wrapped.unwrap_or(root), problems);
    }

    /// Reads an object of orgs by name.
    pub(super) fn read_object<'a>(
        &mut self,
        file: &Path,
        text: &Text<'a>,
        object: &'a str,
        problems: &mut Problems,
    ) {
        let Some(pairs) = pairs(object) else {
            self.partial = true;
            let message = format!("expects an object of orgs by name, not {}", kind(object));
            problems.push(Problem::of_file(file, message).at(text.spot(text.offset(object))));
            return;
        };
        let mut names = HashSet::new();
        for pair in pairs {
            let mut issues = Issues::default();
            let mut draft = OrgDraft::default();
            let mut filler = Filler {
                text,
                issues: &mut issues,
            };
            filler.fill(ORG, pair.value, &At::ROOT, &mut draft);
            pair.key.as_ref().clone_into(&mut draft.name);
            if !names.insert(pair.key.clone().into_owned()) {
                issues.push("", "is given twice");
            }
            let place = ObjectPlace {
                text,
                object: pair.value,
                row: None,
            };
            let prefix = format!("orgs.{}", pair.key);
            self.add(file, &prefix, draft, issues, &place, problems);
        }
    }

    fn add(
        &mut self,
        file: &Path,
        prefix: &str,
        draft: OrgDraft,
        mut issues: Issues,
        place: &dyn Place,
        problems: &mut Problems,
    ) {
        let name = draft.name.clone();
        let spec = draft.finish(&mut issues);
        if let Some(spec) = spec {
            self.insert(&name, spec, file, &mut issues);
        }
        if !issues.is_empty() {
            self.broken.insert(name);
            problems.place(file, prefix, issues, place);
        }
    }

    fn insert(&mut self, name: &str, spec: OrgSpec, file: &Path, issues: &mut Issues) {
        if let Some(known) = self.orgs.find(name) {
            let files = references(&spec).any(|held| held.reference.as_str().starts_with("file:"));
            if known.spec != spec || (files && folder(&known.file) != folder(file)) {
                issues.push_hint(
                    "",
                    format!(
                        "the org {} is already defined, and differently",
                        shown(name)
                    ),
                    "define it once, in the manifest or in --orgs",
                );
            }
            return;
        }
        let url = if spec.url == SANDBOX {
            format!("{SANDBOX}:{name}")
        } else {
            spec.url.clone()
        };
        let number = self.orgs.list.len();
        if let Some(first) = self.by_url.insert(url.clone(), number) {
            let first = self
                .orgs
                .list
                .get(first)
                .map_or("", |org| org.name.as_str());
            issues.push_hint(
                "url",
                format!("is also the URL of the org {}", shown(first)),
                "one org has one name, so that its limit is shared",
            );
        }
        self.orgs.by_name.insert(name.to_owned(), number);
        self.orgs.list.push(Org {
            name: name.to_owned(),
            spec,
            url,
            file: file.to_owned(),
        });
    }
}

/// A secret reference of an org.
pub(super) struct Held<'a> {
    pub field: &'static str,
    pub reference: &'a SecretRef,
    /// Whether it is sent in a header as it is.
    pub in_header: bool,
}

/// The secret references of an org.
pub(super) fn references(spec: &OrgSpec) -> impl Iterator<Item = Held<'_>> {
    spec.auth.iter().map(|auth| {
        let (field, reference, in_header) = match auth {
            Auth::ApiToken(token) => ("auth.apiToken", token, true),
            Auth::AccessToken(token) => ("auth.accessToken", token, true),
            Auth::PrivateKeyJwt(jwt) => ("auth.privateKeyJwt.key", &jwt.key, false),
        };
        Held {
            field,
            reference,
            in_header,
        }
    })
}

// The error's words after the file's name, which a problem has already.
fn without_name(error: &ManifestError) -> String {
    match error {
        ManifestError::Missing(_) => "no such file".to_owned(),
        ManifestError::Folder(_) => "is a folder, not a file".to_owned(),
        ManifestError::UnknownFormat(_) => "an orgs file ends in .csv or .json".to_owned(),
        ManifestError::Unreadable { error, .. } => format!("cannot be read: {error}"),
        ManifestError::Orgs(_) => "has mistakes".to_owned(),
    }
}

struct Rows<'l, 'p> {
    loader: &'l mut Loader,
    file: &'l Path,
    names: HashSet<String>,
    problems: &'p mut Problems,
}

impl Receiver<OrgDraft> for Rows<'_, '_> {
    fn take(&mut self, draft: OrgDraft, mut issues: Issues, place: &dyn Place) {
        if !draft.name.is_empty() && !self.names.insert(draft.name.clone()) {
            issues.push("org", "is given twice");
        }
        self.loader
            .add(self.file, "", draft, issues, place, self.problems);
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}
