//! What the ledger knows of a run, for progress that lost events: it counts anew instead of guessing.

use super::model::Model;
use crate::engine::Selected;
use crate::ledger::{Counts, Ledger, LedgerError, OrgRow};
use crate::model::{RunId, UnixMillis};

/// A run whose entries can be counted.
pub(in crate::cli) struct Recount {
    /// The ledger that counts them.
    pub ledger: Ledger,
    /// The run.
    pub run: RunId,
    /// Its entries that this command works on.
    pub selected: Selected,
}

impl Recount {
    /// Brings what is shown up to date.
    pub(super) async fn update(&self, model: &mut Model, now: UnixMillis) {
        // One that cannot be read ends the run by itself; until then what was known is shown.
        if let Ok((counts, orgs)) = self.read().await {
            model.recount(&counts, &orgs, now);
        }
    }

    async fn read(&self) -> Result<(Counts, Vec<OrgRow>), LedgerError> {
        let counts = self.selected.counts(&self.ledger, &self.run).await?;
        Ok((counts, self.ledger.orgs(&self.run).await?))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anstream::adapter::strip_str;
    use jiff::tz::TimeZone;
    use serde_json::json;

    use super::*;
    use crate::cli::progress::{Shown, now};
    use crate::engine::{Engine, OrgAccess, RunOptions, drive};
    use crate::event::{Event, EventKind, Events, News, RunEvent};
    use crate::job::LedgerUrl;
    use crate::ledger::{ImportEntry, NewRun, OpenMode};
    use crate::manifest::Secrets;
    use crate::okta::Credentials;
    use crate::sandbox::{Sandbox, SandboxSettings, SeedApp};
    use crate::settings::Verbosity;

    const ENTRIES: u64 = 6;

    fn app_id(no: u64) -> String {
        format!("0oa{no:017}")
    }

    /// Orgs with one app less than there are entries.
    async fn served() -> Sandbox {
        let settings = SandboxSettings {
            limit: 0,
            ..SandboxSettings::default()
        };
        let sandbox = Sandbox::start(settings, None, None).await.unwrap();
        sandbox.add_org("acme").unwrap();
        for no in 1..ENTRIES {
            let app = SeedApp {
                name: "zscalerbyz".into(),
                id: Some(app_id(no)),
                label: None,
            };
            sandbox.add_app("acme", &app).unwrap();
        }
        sandbox
    }

    async fn import(ledger: &Ledger, url: &str) -> RunId {
        let new = NewRun {
            file: "m.json".into(),
            file_key: "m.json".into(),
            digest: String::new(),
            context: json!(null),
            started_at: now(),
        };
        let mut import = ledger.import(new).await.unwrap();
        let spec = serde_json::from_value(json!({ "url": url })).unwrap();
        let org = import.push_org("acme", url, &spec).unwrap();
        for row in 1..=ENTRIES {
            let entry = json!({ "org": "acme", "app": "zscalerbyz", "appId": app_id(row), "connection": {
                "baseUrl": "https://scim.zscalerbeta.net/1/2/scim",
                "profile": { "authScheme": "TOKEN", "token": "file:token" } } });
            let entry = &serde_json::from_value(entry).unwrap();
            import.push_entry(ImportEntry { row, org, entry }).unwrap();
        }
        import.finish().unwrap()
    }

    #[tokio::test]
    async fn what_other_runs_do_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let url = LedgerUrl::file(folder.path().join("ledger.db"));
        let run = RunId("k3f9".to_owned());
        let recount = Recount {
            ledger: Ledger::open(&url, OpenMode::ReadWrite).await.unwrap(),
            run: run.clone(),
            selected: Selected::default(),
        };
        let (own, other) = (Some(&run), RunId("p7q2".to_owned()));
        for (shows, entries) in [(Some(recount), [0, 3, 3, 3]), (None, [2, 2, 2, 4])] {
            let mut shown = Shown {
                model: Model::new(Verbosity::Normal, TimeZone::UTC, now()),
                recount: shows,
                has_lost: false,
                is_stale: false,
            };
            let runs = [None, own, Some(&other), None];
            let counted = (2..).zip(runs).map(|(entries, run)| {
                shown.hear(News::Event(Arc::new(Event {
                    run: run.map(|run| Arc::new(run.clone())),
                    seq: 1,
                    at: now(),
                    kind: EventKind::Run(RunEvent::Started {
                        entries: entries.min(4),
                        ended: 0,
                    }),
                })));
                shown.model.view(now(), 8).entries
            });
            assert_eq!(counted.collect::<Vec<_>>(), entries);
        }
    }

    #[tokio::test]
    async fn who_lost_events_shows_what_the_ledger_counts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "a-secret-token").unwrap();
        let sandbox = served().await;
        let url = LedgerUrl::file(folder.path().join("ledger.db"));
        let ledger = Ledger::open(&url, OpenMode::ReadWrite).await.unwrap();
        let run = import(&ledger, &sandbox.url("acme")).await;
        let org = OrgAccess {
            is_elsewhere: false,
            row: ledger.orgs(&run).await.unwrap().remove(0),
            origin: sandbox.url("acme"),
            credentials: Credentials::Ssws(sandbox.api_token("acme").into()),
            secrets: Secrets::new(folder.path(), false),
            next: Arc::default(),
        };
        let engine = Engine::with_events(Events::with_buffer(4));
        let mut listener = engine.events().listen();
        let options = RunOptions::default();
        let owner = ledger.lock_run(&run).await.unwrap();
        let of_run = (&ledger, &owner);
        let engine_of_run = engine.for_run(&run);
        let driven = drive(&engine_of_run, of_run, vec![org], &options, async || false);
        driven.await.unwrap();
        drop((engine, engine_of_run));
        let mut shown = Shown {
            model: Model::new(Verbosity::Normal, TimeZone::UTC, now()),
            recount: Some(Recount {
                ledger,
                run: run.clone(),
                selected: Selected::default(),
            }),
            has_lost: false,
            is_stale: false,
        };
        let mut said = Vec::new();
        while let Some(news) = listener.next().await {
            said.extend(shown.hear(news));
        }
        let left_out = format!(
            "some lines are left out, because they are read too slowly; all that was done is in: okta-rollout report {}",
            run.0
        );
        assert_eq!(said[0].text, left_out);
        let totals = |shown: &Shown| {
            let view = shown.model.view(now(), 8);
            let message = strip_str(&view.message).to_string();
            (view.ended, view.entries, message)
        };
        assert_ne!(totals(&shown).0, ENTRIES);
        assert!(shown.is_stale);
        shown.recount().await;
        let right = (ENTRIES, ENTRIES, "5 changed, 1 failed".to_owned());
        assert_eq!(totals(&shown), right);
        assert!(!shown.is_stale);
        sandbox.stop().await;
    }
}
