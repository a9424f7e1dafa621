//! The service apps that connections sign in as, looked for in their hubs: each hub through a [`Reader`] of its own, and
//! each service app by its id, once.

use std::collections::{BTreeMap, HashMap};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::live::{LiveApp, only_its_own};
use crate::okta::clients::{self, AssignedRole, ServiceClient};
use crate::okta::{grants, service_app};
use crate::pacing::CallLog;
use crate::steps::{Reader, StepError};
use crate::text::Told;

/// A service app as its hub shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveService {
    /// Name of the hub.
    pub hub: String,
    /// The service app.
    pub client: ServiceClient,
    /// Its roles.
    pub roles: Vec<AssignedRole>,
    /// Its scopes.
    pub scopes: Vec<Told>,
    /// Whether its tokens are bound to a key.
    pub dpop: bool,
}

/// What is known of a service app.
#[derive(Clone, Debug, PartialEq)]
pub enum Service {
    /// As its hub shows it.
    Found(Box<LiveService>),
    /// No hub that was asked has it.
    Nowhere,
    /// A hub did not tell; why.
    Unread(String),
    /// No entry can have it for itself; why.
    Shared(String),
}

/// The service apps that connections sign in as.
#[derive(Clone, Debug, Default)]
pub struct Services {
    // By id, in a stable order.
    known: BTreeMap<String, Used>,
    hubs: Vec<String>,
}

#[derive(Clone, Debug)]
struct Used {
    // An org is no hub of its own apps.
    by: String,
    service: Service,
}

impl Services {
    /// Those that these orgs' connections sign in as; nobody was asked about them yet.
    pub fn of<'a>(orgs: impl IntoIterator<Item = (&'a str, &'a [LiveApp])>) -> Self {
        let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (org, apps) in orgs {
            for id in apps.iter().filter_map(LiveApp::client_id) {
                users.entry(id).or_default().push(org);
            }
        }
        let known = users.into_iter().map(|(id, orgs)| {
            let service = match orgs.len() {
                1 => Service::Nowhere,
                many => Service::Shared(format!(
                    "{many} of these connections sign in as it, and two entries never share a service app"
                )),
            };
            let by = orgs.first().map_or_else(String::new, |org| (*org).to_owned());
            (id.to_owned(), Used { by, service })
        });
        Self {
            known: known.collect(),
            hubs: Vec::new(),
        }
    }

    /// What is known of this one.
    pub fn get(&self, id: &str) -> &Service {
        let known = self.known.get(id);
        known.map_or(&Service::Nowhere, |used| &used.service)
    }

    /// The hubs that were asked.
    pub fn hubs(&self) -> &[String] {
        &self.hubs
    }

    /// The service apps that this hub may have.
    fn sought(&self, hub: &str) -> Vec<String> {
        let open = |used: &Used| matches!(used.service, Service::Nowhere | Service::Unread(_));
        let sought = self
            .known
            .iter()
            .filter(|(_, used)| used.by != hub && open(used));
        sought.map(|(id, _)| id.clone()).collect()
    }

    /// Whether this hub may have one of them.
    pub fn may_be_in(&self, hub: &str) -> bool {
        !self.sought(hub).is_empty()
    }

    /// Looks in a hub for those that were not found yet.
    ///
    /// # Errors
    /// When the hub as a whole cannot be read.
    pub async fn look(&mut self, hub: &str, reader: &Reader) -> Result<(), StepError> {
        let looked: Vec<_> = stream::iter(self.sought(hub))
            .map(async |id| Ok::<_, StepError>((look_at(hub, reader, &id).await?, id)))
            .buffered(reader.gate().concurrency())
            .try_collect()
            .await?;
        for (service, id) in looked {
            // One that another hub did not tell of may be in that one.
            if service != Service::Nowhere
                && let Some(used) = self.known.get_mut(&id)
            {
                used.service = service;
            }
        }
        self.hubs.push(hub.to_owned());
        Ok(())
    }

    /// A hub cannot be read: it may have those that were not found.
    pub fn unread(&mut self, hub: &str, why: &str) {
        for id in self.sought(hub) {
            if let Some(used) = self.known.get_mut(&id) {
                used.service = Service::Unread(format!("{hub} cannot be read: {why}"));
            }
        }
        self.hubs.push(hub.to_owned());
    }

    /// Every hub was asked: those whose name others have, too, are left to people, because an entry finds its own by
    /// its name.
    pub fn settle(&mut self) {
        let mut named: HashMap<(String, String), u64> = HashMap::new();
        let name = |found: &LiveService| (found.hub.clone(), found.client.name.raw().to_owned());
        for used in self.known.values() {
            if let Service::Found(found) = &used.service {
                *named.entry(name(found)).or_default() += 1;
            }
        }
        for used in self.known.values_mut() {
            if let Service::Found(found) = &used.service
                && let Some(many) = named.get(&name(found)).filter(|count| **count > 1)
            {
                used.service = Service::Shared(format!(
                    "{many} service apps in {} are named {:?}, and an entry finds its own by its name",
                    found.hub, found.client.name
                ));
            }
        }
    }
}

async fn look_at(hub: &str, reader: &Reader, id: &str) -> Result<Service, StepError> {
    match read(hub, reader, id).await {
        Ok(found) => Ok(Service::Found(Box::new(found))),
        Err(StepError::Call { error, .. })
            if error.http_status == Some(404) && reader.gate().stopped().is_none() =>
        {
            Ok(Service::Nowhere)
        }
        Err(error) => Ok(Service::Unread(format!(
            "it cannot be read in {hub}: {}",
            only_its_own(reader, error)?
        ))),
    }
}

async fn read(hub: &str, reader: &Reader, id: &str) -> Result<LiveService, StepError> {
    let mut log = CallLog::default();
    // Its app shows all that its client does, and whether its tokens are bound to a key.
    let app = service_app::get(id);
    let app = reader.read_with_retry(&app, 0, &mut log).await?;
    // One that was begun is finished before the next one is.
    let roles = clients::roles(id);
    let roles = reader.read_with_retry(&roles, 1, &mut log).await?;
    let scopes = grants::list(id);
    let scopes = reader.read_with_retry(&scopes, 1, &mut log).await?;
    Ok(LiveService {
        hub: hub.to_owned(),
        client: app.client,
        roles,
        scopes,
        dpop: app.dpop == Some(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::App;
    use crate::export::LiveState;
    use crate::okta::clients::ClientKeys;
    use crate::plan::{LiveConnection, LiveStatus};

    fn app(client: &str, status: LiveStatus) -> LiveApp {
        LiveApp {
            app: App::OktaOrg2Org,
            id: "0oa1".to_owned(),
            label: "L".into(),
            state: LiveState::Read {
                connection: LiveConnection {
                    status,
                    auth_scheme: Some("OAUTH2".to_owned()),
                    client_id: Some(client.into()),
                    ..LiveConnection::default()
                },
                features: Ok(Vec::new()),
            },
        }
    }

    fn found(services: &mut Services, id: &str, name: &str) {
        let used = services.known.get_mut(id).unwrap();
        used.service = Service::Found(Box::new(LiveService {
            hub: "hub".to_owned(),
            client: ServiceClient {
                id: id.to_owned(),
                name: name.into(),
                keys: ClientKeys::Registered,
            },
            roles: Vec::new(),
            scopes: Vec::new(),
            dpop: false,
        }));
    }

    #[test]
    fn only_what_a_hub_may_have_is_looked_for_there() {
        let acme = [
            app("0oaA", LiveStatus::Enabled),
            app("0oaB", LiveStatus::Enabled),
            app("0oaOff", LiveStatus::Disabled),
        ];
        let globex = [
            app("0oaB", LiveStatus::Enabled),
            app("0oaC", LiveStatus::Enabled),
            app("0oaD", LiveStatus::Enabled),
        ];
        let mut services = Services::of([("acme", &acme[..]), ("globex", &globex[..])]);
        assert_eq!(services.sought("hub"), ["0oaA", "0oaC", "0oaD"]);
        assert_eq!(services.sought("globex"), ["0oaA"]);
        assert!(matches!(services.get("0oaB"), Service::Shared(_)));
        assert_eq!(*services.get("0oaOff"), Service::Nowhere);
        found(&mut services, "0oaC", "one");
        services.unread("down", "no route");
        assert_eq!(services.sought("hub"), ["0oaA", "0oaD"]);
        let unread = Service::Unread("down cannot be read: no route".to_owned());
        assert_eq!(*services.get("0oaA"), unread);
        found(&mut services, "0oaA", "two");
        found(&mut services, "0oaD", "two");
        assert!(!services.may_be_in("hub"));
        services.settle();
        assert!(matches!(services.get("0oaC"), Service::Found(_)));
        let shared =
            "2 service apps in hub are named \"two\", and an entry finds its own by its name";
        for id in ["0oaA", "0oaD"] {
            assert_eq!(*services.get(id), Service::Shared(shared.to_owned()));
        }
    }
}
