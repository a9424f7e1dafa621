//! Whether secrets can be read: each is tried once, those of entries and orgs that are not selected not at all.

use super::check::{Checker, SecretCheck};
use super::draft::Draft;
use super::flaw::SecretUse;
use super::org::Auth;
use super::orgs::{Held, references};
use super::problem::{Issue, Place};
use super::secret::SecretRef;
use super::seen::unreadable;

/// A key of an entry that takes a secret, and what the secret is for.
type Field = (&'static str, SecretUse);

const TOKEN: Field = ("connection.profile.token", SecretUse::Token);
const PASSWORD: Field = (
    "connection.profile.settings.adminPassword",
    SecretUse::Password,
);
const USERNAME: Field = (
    "connection.profile.settings.adminUsername",
    SecretUse::Token,
);

impl Checker<'_> {
    /// Tries the credentials of every org, where every entry is selected.
    pub(super) fn probe_all_orgs(&mut self) {
        if self.judge.selection.is_all() {
            self.probe_orgs(|_| true);
        }
    }

    /// Tries the credentials of the orgs whose entries are selected, where not all are: known at the end.
    pub(super) fn probe_selected_orgs(&mut self) {
        let selected = std::mem::take(&mut self.selected_orgs);
        self.probe_orgs(|org| selected.contains(org));
    }

    fn probe_orgs(&mut self, wanted: impl Fn(&str) -> bool) {
        let options = self.judge.options;
        if options.secrets != SecretCheck::Probe {
            return;
        }
        let orgs = &self.loader.orgs;
        for (name, spec) in orgs.iter().filter(|(name, _)| wanted(name)) {
            let secrets = orgs.secrets(name, options.exec);
            for Held {
                field,
                reference,
                purpose,
            } in references(spec)
            {
                let probed = match &spec.auth {
                    Some(Auth::PrivateKeyJwt(jwt)) => secrets.probe_key(jwt),
                    _ => secrets.probe(reference, purpose),
                };
                if let Err(error) = probed {
                    let mut problem = unreadable(self.loader.orgs.file(name), &error, 1);
                    problem.field = Some(format!("orgs.{name}.{field}"));
                    self.problems.push(problem);
                }
            }
        }
    }

    /// Tries the secrets of a selected entry.
    pub(super) fn try_secrets(&mut self, draft: &Draft, place: &dyn Place) {
        let selection = self.judge.selection;
        if !selection.is_all() {
            let Some(app) = draft.app else { return };
            if !selection.takes_entry(&draft.org, app) {
                return;
            }
            let hub = draft.hub.as_ref().map(|hub| &hub.org);
            for org in [&draft.org].into_iter().chain(hub) {
                if !self.selected_orgs.contains(org) {
                    self.selected_orgs.insert(org.clone());
                }
            }
        }
        let Some(connection) = &draft.connection else {
            return;
        };
        if let Some(token) = &connection.token {
            self.try_secret(token, &TOKEN, place);
        }
        let Some(settings) = &connection.settings else {
            return;
        };
        if let Some(password) = &settings.password {
            self.try_secret(password, &PASSWORD, place);
        }
        let username = settings
            .username
            .as_deref()
            .filter(|name| SecretRef::looks_like(name));
        if let Some(reference) = username.and_then(|name| SecretRef::parse(name).ok()) {
            self.try_secret(&reference, &USERNAME, place);
        }
    }

    fn try_secret(&mut self, reference: &SecretRef, field: &Field, place: &dyn Place) {
        if self.judge.options.secrets == SecretCheck::Skip {
            return;
        }
        let secrets = &self.secrets;
        let (field, purpose) = *field;
        self.tried.one(&(reference, purpose), || {
            let error = secrets.probe(reference, purpose).err()?;
            let issue = Issue {
                field: field.into(),
                message: String::new(),
                hint: None,
                offset: None,
            };
            Some((error, field, place.find(&issue)))
        });
    }
}
