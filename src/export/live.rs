//! Reads what an org has: one list of its apps, then at most two reads an instance, all through a [`Reader`],
//! which cannot send anything but reads.

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::apps::{App, AuthScheme};
use crate::okta::apps::{AppInstance, AppStatus};
use crate::okta::connections;
use crate::okta::features::{self, FeatureState};
use crate::pacing::CallLog;
use crate::plan::{LiveConnection, LiveStatus};
use crate::steps::{Extent, Pages, Reader, StepError, live_connection};
use crate::text::Told;

/// An instance of a supported app, as its org has it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveApp {
    /// Which app.
    pub app: App,
    /// Its id.
    pub id: String,
    /// What administrators call it.
    pub label: Told,
    /// What is known of its connection.
    pub state: LiveState,
}

impl LiveApp {
    /// The service app that its connection signs in as, if it is one of those that do.
    pub fn client_id(&self) -> Option<&str> {
        let LiveState::Read { connection, .. } = &self.state else {
            return None;
        };
        let signs_in = self.app == App::OktaOrg2Org
            && connection.status == LiveStatus::Enabled
            && connection.auth_scheme.as_deref() == Some(AuthScheme::Oauth2.name());
        let id = connection.client_id.as_ref().filter(|_| signs_in)?;
        Some(id.raw())
    }
}

/// What is known of an instance's connection.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveState {
    /// Nothing was asked, because the app itself is not active.
    Inactive,
    /// Okta did not tell; why.
    Unread(String),
    /// As Okta shows it.
    Read {
        /// The connection.
        connection: LiveConnection,
        /// Its features, asked for when it is ENABLED; or why Okta did not tell.
        features: Result<Vec<FeatureState>, String>,
    },
}

/// Reads every instance of these apps in stable order: by app, label and id.
///
/// # Errors
/// When the org as a whole cannot be read. An instance that alone cannot be is [`LiveState::Unread`].
pub async fn read_apps(reader: &Reader, apps: &[App]) -> Result<Vec<LiveApp>, StepError> {
    let only = match apps {
        [one] => Some(*one),
        _ => None,
    };
    let mut pages = Pages::default();
    let mut log = CallLog::default();
    let extent = Extent::all(only);
    pages.read_with_retry(reader, extent, 0, &mut log).await?;
    stream::iter(instances(pages.listed, apps))
        .map(|(app, instance)| read_app(reader, app, instance))
        .buffered(reader.gate().concurrency())
        .try_collect()
        .await
}

// A page that shifted while the list was read shows an instance twice.
fn instances(listed: Vec<AppInstance>, apps: &[App]) -> Vec<(App, AppInstance)> {
    let mut seen = HashSet::new();
    let mut found: Vec<_> = listed
        .into_iter()
        .filter_map(|instance| Some((App::from_name(instance.name.raw())?, instance)))
        .filter(|(app, instance)| apps.contains(app) && seen.insert(instance.id.clone()))
        .collect();
    found.sort_by(|(app, one), (other, two)| {
        (app, one.label.raw(), &one.id).cmp(&(other, two.label.raw(), &two.id))
    });
    found
}

async fn read_app(reader: &Reader, app: App, instance: AppInstance) -> Result<LiveApp, StepError> {
    let state = if instance.status == AppStatus::Inactive {
        LiveState::Inactive
    } else {
        match read_state(reader, &instance.id).await {
            Ok(state) => state,
            Err(error) => LiveState::Unread(only_its_own(reader, error)?),
        }
    };
    Ok(LiveApp {
        app,
        id: instance.id,
        label: instance.label,
        state,
    })
}

async fn read_state(reader: &Reader, id: &str) -> Result<LiveState, StepError> {
    let mut log = CallLog::default();
    let connection = reader
        .read_with_retry(&connections::get(id), 0, &mut log)
        .await?;
    let connection = live_connection(&connection);
    let mut features = Ok(Vec::new());
    if connection.status == LiveStatus::Enabled {
        // An instance that was begun is finished before the next one is.
        features = match reader
            .read_with_retry(&features::list(id), 1, &mut log)
            .await
        {
            Ok(listed) => Ok(listed),
            Err(error) => Err(only_its_own(reader, error)?),
        };
    }
    Ok(LiveState::Read {
        connection,
        features,
    })
}

// The error's words, unless it is about more than this instance.
pub(super) fn only_its_own(reader: &Reader, error: StepError) -> Result<String, StepError> {
    match error {
        StepError::Call { error, .. } if reader.gate().stopped().is_none() => {
            Ok(error.details.message)
        }
        StepError::Failed { message, .. } => Ok(message),
        error => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str, label: &str, id: &str) -> AppInstance {
        AppInstance {
            id: id.to_owned(),
            name: name.into(),
            label: label.into(),
            status: AppStatus::Active,
        }
    }

    #[test]
    fn instances_have_a_stable_order_and_stand_once() {
        let page = vec![
            listed("slack", "A", "0oa5"),
            listed("bookmark", "A", "0oa6"),
            listed("google", "B", "0oa2"),
            listed("google", "A", "0oa4"),
            listed("google", "B", "0oa1"),
            listed("google", "B", "0oa2"),
            listed("", "", "0oa7"),
        ];
        let ids = |apps: &[App]| -> Vec<String> {
            let found = instances(page.clone(), apps);
            found.into_iter().map(|(_, instance)| instance.id).collect()
        };
        assert_eq!(ids(&App::ALL), ["0oa4", "0oa1", "0oa2", "0oa5"]);
        assert_eq!(ids(&[App::Slack, App::Zoomus]), ["0oa5"]);
    }
}
