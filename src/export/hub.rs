//! The service apps that connections sign in as, looked for in their hubs: each hub through a [`Reader`] of its own, and
//! each service app by its id, once. Whether their apps also sign people in there is looked at last, with one list of a
//! hub's identity providers where one of them does.

use std::collections::{BTreeMap, HashMap};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::live::{LiveApp, only_its_own};
use crate::okta::clients::{self, AssignedRole, ServiceClient};
use crate::okta::federated_app::{self, FederatedApp};
use crate::okta::idps::IdentityProvider;
use crate::okta::{grants, service_app};
use crate::pacing::CallLog;
use crate::plan::may_be;
use crate::steps::{Extent, Pages, Reader, StepError};
use crate::text::Told;

/// Apps that are looked at at once, of all orgs: each org's gate lets through what it takes.
const AT_ONCE: usize = 100;

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
    /// Through what the app signs people in to the hub, if it does; or why that is not known.
    pub federation: Result<Option<LiveFederation>, String>,
}

/// An app that signs people in to its hub.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveFederation {
    /// The app.
    pub app: FederatedApp,
    /// The identity provider that it names, and those that could be taken for it.
    pub listed: Vec<IdentityProvider>,
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
    // The app there.
    app: String,
    service: Service,
}

impl Services {
    /// Those that these orgs' connections sign in as; nobody was asked about them yet.
    pub fn of<'a>(orgs: impl IntoIterator<Item = (&'a str, &'a [LiveApp])>) -> Self {
        let mut users: BTreeMap<&str, Vec<(&str, &LiveApp)>> = BTreeMap::new();
        for (org, apps) in orgs {
            for app in apps {
                if let Some(id) = app.client_id() {
                    users.entry(id).or_default().push((org, app));
                }
            }
        }
        let known = users.into_iter().filter_map(|(id, users)| {
            let service = match users.len() {
                1 => Service::Nowhere,
                many => Service::Shared(format!(
                    "{many} of these connections sign in as it, and two entries never share a service app"
                )),
            };
            let (org, app) = users.first()?;
            let used = Used {
                by: (*org).to_owned(),
                app: app.id.clone(),
                service,
            };
            Some((id.to_owned(), used))
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

    /// Looks whether the apps whose service apps were found sign people in to their hubs, too. `readers`: of the orgs and
    /// hubs, by name.
    pub async fn look_for_idps(&mut self, readers: &HashMap<&str, &Reader>) {
        let looked: Vec<_> = stream::iter(self.found())
            .map(async |(id, used, hub)| {
                let app = match readers.get(&*used.by) {
                    Some(reader) => read_app(reader, &used.app).await,
                    None => Ok(None),
                };
                (id, hub, app)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut listed: HashMap<String, Result<Vec<IdentityProvider>, String>> = HashMap::new();
        for (id, hub, app) in looked {
            let federation = match (app, readers.get(&*hub)) {
                (Ok(Some(app)), Some(reader)) => {
                    if !listed.contains_key(&hub) {
                        listed.insert(hub.clone(), list_idps(&hub, reader).await);
                    }
                    match &listed[&hub] {
                        Ok(idps) => Ok(Some(LiveFederation::of(app, idps))),
                        Err(why) => Err(why.clone()),
                    }
                }
                (Err(why), _) => Err(why),
                (Ok(_), _) => Ok(None),
            };
            if let Some(Service::Found(found)) =
                self.known.get_mut(&id).map(|used| &mut used.service)
            {
                found.federation = federation;
            }
        }
    }

    /// The service apps that were found, with who uses each and which hub has it.
    fn found(&self) -> Vec<(String, Used, String)> {
        let found = self
            .known
            .iter()
            .filter_map(|(id, used)| match &used.service {
                Service::Found(found) => Some((id.clone(), used.clone(), found.hub.clone())),
                Service::Nowhere | Service::Unread(_) | Service::Shared(_) => None,
            });
        found.collect()
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
        federation: Ok(None),
    })
}

/// An app, if it names an identity provider.
async fn read_app(reader: &Reader, id: &str) -> Result<Option<FederatedApp>, String> {
    let mut log = CallLog::default();
    let call = federated_app::get(id);
    match reader.read_with_retry(&call, 0, &mut log).await {
        Ok(app) => Ok(Some(app).filter(|app| app.idp_id.is_some())),
        Err(error) => Err(format!(
            "its app cannot be read: {}",
            error.into_obstacle().message
        )),
    }
}

async fn list_idps(hub: &str, reader: &Reader) -> Result<Vec<IdentityProvider>, String> {
    let (mut pages, mut log) = (Pages::default(), CallLog::default());
    let listing = pages.read_with_retry(reader, Extent::all(None), 0, &mut log);
    let listed = listing.await.map(|()| pages.take());
    listed.map_err(|error| {
        let why = error.into_obstacle().message;
        format!("the identity providers of {hub} cannot be read: {why}")
    })
}

impl LiveFederation {
    fn of(app: FederatedApp, all: &[IdentityProvider]) -> Self {
        let id = app.idp_id.as_ref().map(Told::raw);
        let named = all.iter().find(|idp| Some(idp.id.as_str()) == id);
        let may_be = |idp: &&IdentityProvider| {
            named.is_some_and(|named| may_be(idp, named.name.raw(), Some(&app.id)))
        };
        let listed = all.iter().filter(may_be).cloned().collect();
        Self { app, listed }
    }
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
            federation: Ok(None),
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
