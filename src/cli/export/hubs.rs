//! `export --hub`: looks in the hubs that were named for the service apps that connections sign in as.

use std::collections::HashMap;

use super::Found;
use super::orgs::{Opened, Wanted, no_credentials, unread};
use crate::export::Services;
use crate::model::EntryError;

/// What was found in the hubs.
pub(super) struct InHubs {
    /// The service apps.
    pub services: Services,
    /// The hubs that could not be read.
    pub missing: Vec<(String, EntryError)>,
}

/// Looks in one hub after the other, for what those before it do not have: a service app is in one only. One that may
/// have none of them is not asked.
pub(super) async fn look(
    hubs: &[&str],
    opened: &HashMap<&str, &Opened>,
    wanted: &[Wanted],
    found: &[Found],
) -> Option<InHubs> {
    if hubs.is_empty() {
        return None;
    }
    let read = wanted.iter().zip(found);
    let read = read.filter_map(|(org, found)| {
        let apps = found.as_ref().ok()?;
        Some((org.name.as_str(), apps.as_slice()))
    });
    let mut services = Services::of(read);
    let mut missing = Vec::new();
    for hub in hubs {
        let Some(opened) = opened.get(hub).filter(|_| services.may_be_in(hub)) else {
            continue;
        };
        let looked = match opened {
            Ok(reader) => {
                let looked = services.look(hub, reader).await;
                looked.map_err(|error| unread(reader, &error))
            }
            Err(why) => Err(no_credentials(why)),
        };
        if let Err(why) = looked {
            services.unread(hub, &why.message);
            missing.push(((*hub).to_owned(), why));
        }
    }
    services.settle();
    let readers = opened.iter().filter_map(|(org, opened)| {
        let reader = opened.as_ref().ok()?;
        Some((*org, reader))
    });
    services.look_for_idps(&readers.collect()).await;
    Some(InHubs { services, missing })
}
