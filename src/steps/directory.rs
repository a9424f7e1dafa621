//! What the apps are whose ids the manifest gives: seen before the first write to each, by one list of an app's
//! instances where many are asked for, else one by one (from a bucket of its own).
//!
//! A run, which writes, and a plan, which only foretells, find out in the same way, so that they make the same calls.

use std::collections::HashSet;

use tokio::sync::Mutex;

use super::StepError;
use super::listing::{Extent, Pages};
use crate::apps::App;
use crate::ledger::{FoundBy, Target};
use crate::plan::pages_worth;

/// What has to be found out about an org's apps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppsToFind {
    /// Whether all its apps are listed anyway, to find labels.
    pub labels: bool,
    /// Given ids of which nobody knows what they are, by [`App::index`].
    pub unseen: [u64; App::ALL.len()],
}

impl AppsToFind {
    /// What entries need.
    pub fn of(targets: impl IntoIterator<Item = Target>) -> Self {
        let mut wanted = Self::default();
        for target in targets {
            wanted.add(target.app, target.found);
        }
        wanted
    }

    /// One more entry.
    pub fn add(&mut self, app: App, found: FoundBy) {
        match found {
            FoundBy::Label => self.labels = true,
            FoundBy::UnseenId => self.unseen[app.index()] += 1,
            FoundBy::Seen => {}
        }
    }
}

/// The instances of each app, listed at most once a process.
#[derive(Debug, Default)]
pub struct Directory {
    labels: bool,
    lists: [Mutex<List>; App::ALL.len()],
}

/// The instances of one app.
#[derive(Debug, Default)]
struct List {
    /// Pages it may have; none = it is not made.
    most: u64,
    pages: Pages,
    ids: HashSet<String>,
    ended: bool,
}

impl Directory {
    /// For an org of which so much is to be found out. Without it every app is looked at by itself.
    pub fn new(wanted: AppsToFind) -> Self {
        Self {
            labels: wanted.labels,
            lists: wanted.unseen.map(|unseen| {
                Mutex::new(List {
                    most: pages_worth(unseen),
                    ..List::default()
                })
            }),
        }
    }

    /// Whether all apps of the org are listed anyway.
    pub const fn labels(&self) -> bool {
        self.labels
    }

    /// Whether an app is among the listed instances of `app`; the list is made with the first question, by `list`.
    pub async fn has(
        &self,
        app: App,
        app_id: &str,
        list: impl AsyncFnOnce(&mut Pages, Extent) -> Result<(), StepError>,
    ) -> Result<bool, StepError> {
        // One asks, the others wait for the list.
        let mut of_app = self.lists[app.index()].lock().await;
        if of_app.most == 0 {
            return Ok(false);
        }
        if !of_app.ended {
            let extent = Extent {
                only: Some(app),
                pages: of_app.most,
            };
            list(&mut of_app.pages, extent).await?;
            let listed = of_app.pages.take().into_iter();
            let right = listed.filter(|instance| instance.name == *app.name());
            of_app.ids = right.map(|instance| instance.id).collect();
            of_app.ended = true;
        }
        Ok(of_app.ids.contains(app_id))
    }

    /// How many pages were read.
    pub async fn pages(&self) -> u64 {
        let mut pages = 0;
        for list in &self.lists {
            pages += list.lock().await.pages.pages;
        }
        pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EntryNo;
    use crate::okta::apps::{AppInstance, AppStatus};

    #[tokio::test]
    async fn a_list_is_made_once_and_only_where_many_ask() {
        let mut unseen = [0; App::ALL.len()];
        unseen[App::Google.index()] = 30;
        unseen[App::Slack.index()] = 3;
        let directory = Directory::new(AppsToFind {
            labels: false,
            unseen,
        });
        let instance = |id: &str, name: &str| AppInstance {
            id: id.to_owned(),
            name: name.into(),
            label: "".into(),
            status: AppStatus::Active,
        };
        let list = async |pages: &mut Pages, extent: Extent| {
            assert_eq!((extent.only, extent.pages), (Some(App::Google), 6));
            // A server that does not filter.
            pages.listed = vec![instance("0oa1", "google"), instance("0oa2", "slack")];
            pages.pages += 1;
            Ok(())
        };
        let never = async |_: &mut Pages, _: Extent| unreachable!("it is listed already, or never");
        assert!(directory.has(App::Google, "0oa1", list).await.unwrap());
        assert!(!directory.has(App::Google, "0oa2", never).await.unwrap());
        assert!(!directory.has(App::Google, "0oa3", never).await.unwrap());
        assert!(!directory.has(App::Slack, "0oa2", never).await.unwrap());
        assert_eq!(directory.pages().await, 1);
    }

    #[test]
    fn entries_by_label_and_by_unseen_ids_are_counted() {
        let target = |app, found| Target {
            no: EntryNo(0),
            app,
            found,
        };
        let wanted = AppsToFind::of([
            target(App::Google, FoundBy::UnseenId),
            target(App::Google, FoundBy::UnseenId),
            target(App::Slack, FoundBy::Seen),
        ]);
        assert!(!wanted.labels);
        assert_eq!(wanted.unseen.iter().sum::<u64>(), 2);
        assert_eq!(wanted.unseen[App::Google.index()], 2);
        assert!(AppsToFind::of([target(App::Slack, FoundBy::Label)]).labels);
    }
}
