//! Checkpoints of one transaction.

use std::collections::HashSet;

use tokio::sync::oneshot;

use crate::ledger::prepared::Prepared;
use crate::ledger::{AsStored, Result};

/// Who is told what became of one.
pub(super) type Reply = oneshot::Sender<Result<AsStored>>;

/// Checkpoints that are stored together: of different entries, and none that another one of them must come before.
pub(super) struct Group {
    pub checkpoints: Vec<Prepared>,
    pub replies: Vec<Reply>,
    entries: HashSet<(String, i64)>,
    apps: HashSet<(String, String)>,
}

impl Group {
    pub(super) fn new(first: Box<Prepared>, reply: Reply) -> Self {
        let mut group = Self {
            checkpoints: Vec::new(),
            replies: Vec::new(),
            entries: HashSet::new(),
            apps: HashSet::new(),
        };
        drop(group.add(first, reply));
        group
    }

    /// Gives back what does not belong to it.
    pub(super) fn add(
        &mut self,
        checkpoint: Box<Prepared>,
        reply: Reply,
    ) -> Option<(Box<Prepared>, Reply)> {
        let entry = (checkpoint.run.0.clone(), checkpoint.no.0);
        let apps: Vec<_> = apps(&checkpoint).collect();
        if self.entries.contains(&entry) || apps.iter().any(|app| self.apps.contains(app)) {
            return Some((checkpoint, reply));
        }
        self.entries.insert(entry);
        self.apps.extend(apps);
        self.checkpoints.push(*checkpoint);
        self.replies.push(reply);
        None
    }
}

fn apps(checkpoint: &Prepared) -> impl Iterator<Item = (String, String)> {
    let named = |org: &str, app: &str| (org.to_owned(), app.to_owned());
    let fingerprint = checkpoint.fingerprint.as_ref();
    let name = checkpoint.name.as_ref();
    let client = checkpoint.client.as_ref();
    let applied = checkpoint.applied.as_ref();
    let mut all = vec![
        fingerprint.map(|one| named(&one.org_url, &one.app_id)),
        name.map(|one| named(&one.org_url, &one.app_id)),
        client.map(|one| named(&one.org_url, &one.app_id)),
        applied.map(|one| named(&one.org_url, &one.app_id)),
    ];
    all.dedup();
    all.into_iter().flatten()
}
