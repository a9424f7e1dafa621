//! Whether secrets can be read: each is tried once, those of entries and orgs that are not selected not at all.

use std::path::Path;

use super::check::{Checker, SecretCheck};
use super::draft::Draft;
use super::orgs::{Held, references};
use super::problem::{Issue, Place, Problem};
use super::secret::SecretRef;
use super::secrets::{SecretError, Secrets};

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
        let orgs = self.loader.orgs.iter();
        for (name, spec) in orgs.filter(|(name, _)| wanted(name)) {
            let secrets = Secrets::new(self.loader.orgs.base(name), options.exec);
            for Held {
                field,
                reference,
                in_header,
            } in references(spec)
            {
                let result = if in_header {
                    secrets.probe_for_header(reference)
                } else {
                    secrets.probe(reference)
                };
                if let Err(error) = result {
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
            if !self.selected_orgs.contains(&draft.org) {
                self.selected_orgs.insert(draft.org.clone());
            }
        }
        let Some(connection) = &draft.connection else {
            return;
        };
        if let Some(token) = &connection.token {
            self.try_secret(token, "connection.profile.token", place);
        }
        let Some(settings) = &connection.settings else {
            return;
        };
        if let Some(password) = &settings.password {
            self.try_secret(password, "connection.profile.settings.adminPassword", place);
        }
        let username = settings
            .username
            .as_deref()
            .filter(|name| SecretRef::looks_like(name));
        if let Some(reference) = username.and_then(|name| SecretRef::parse(name).ok()) {
            self.try_secret(
                &reference,
                "connection.profile.settings.adminUsername",
                place,
            );
        }
    }

    fn try_secret(&mut self, reference: &SecretRef, field: &'static str, place: &dyn Place) {
        if self.judge.options.secrets == SecretCheck::Skip {
            return;
        }
        let secrets = &self.secrets;
        self.tried.one(reference, || {
            let error = secrets.probe(reference).err()?;
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

/// A secret that cannot be read.
pub(super) fn unreadable(file: &Path, error: &SecretError, uses: u64) -> Problem {
    let mut message = error.to_string();
    if uses > 1 {
        message = format!("{message} (used by {uses} entries)");
    }
    let mut problem = Problem::of_file(file, message);
    problem.hint = error.hint();
    problem
}
