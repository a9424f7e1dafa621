//! What a simulated org holds: its apps in the order in which they were made, and its identity providers.

use std::collections::{HashMap, HashSet};

use super::idp::Idp;
use super::model::App;

/// Apps and identity providers.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub apps: Vec<App>,
    by_id: HashMap<Box<str>, u32>,
    pub idps: Vec<Idp>,
    /// What an earlier process deleted: whoever seeds at every start does not bring it back.
    gone: HashSet<Box<str>>,
}

impl Held {
    /// Where an app stands in the list.
    pub fn place(&self, id: &str) -> Option<usize> {
        self.by_id
            .get(id)
            .and_then(|place| usize::try_from(*place).ok())
    }

    /// An app.
    pub fn get(&self, id: &str) -> Option<&App> {
        self.place(id).map(|place| &self.apps[place])
    }

    /// An app, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut App> {
        self.place(id).map(|place| &mut self.apps[place])
    }

    /// Adds an app, or puts it in place of the one with its id.
    pub fn put(&mut self, app: App) {
        if let Some(known) = self.get_mut(&app.id) {
            *known = app;
            return;
        }
        // 4 billion apps in one org do not fit any machine this runs on.
        if let Ok(place) = u32::try_from(self.apps.len()) {
            self.by_id.insert(app.id.clone(), place);
            self.apps.push(app);
        }
    }

    /// Adds an identity provider, or puts it in place of the one with its id.
    pub fn put_idp(&mut self, idp: Idp) {
        match self.idps.iter_mut().find(|known| known.id == idp.id) {
            Some(known) => *known = idp,
            None => self.idps.push(idp),
        }
    }

    /// Drops what an earlier process deleted.
    pub fn forget(&mut self, id: &str) {
        self.remove(id);
        self.gone.insert(id.into());
    }

    /// Whether an earlier process deleted it.
    pub fn is_gone(&self, id: &str) -> bool {
        self.gone.contains(id)
    }

    /// Drops the app or the identity provider of this id; whether there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.idps.len();
        self.idps.retain(|idp| *idp.id != *id);
        let Some(place) = self.place(id) else {
            return self.idps.len() < before;
        };
        self.apps.remove(place);
        self.by_id.remove(id);
        for later in self.by_id.values_mut() {
            if usize::try_from(*later).is_ok_and(|later| later > place) {
                *later -= 1;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_after_one_that_goes_is_still_found() {
        let mut held = Held::default();
        for id in ["a", "b", "c"] {
            held.put(App::new(id, "google", id, 0));
        }
        assert!(held.remove("b"));
        assert!(!held.remove("b"));
        let found = ["a", "b", "c"].map(|id| held.get(id).map(|app| &*app.label));
        assert_eq!(found, [Some("a"), None, Some("c")]);
        held.put(App::new("d", "google", "d", 0));
        assert_eq!(held.place("d"), Some(2));
        held.put(App::new("c", "google", "other", 0));
        assert_eq!(held.get("c").map(|app| &*app.label), Some("other"));
        assert_eq!(held.apps.len(), 3);
    }
}
