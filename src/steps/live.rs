//! Okta's words for a connection, in those of [`crate::plan`].

use crate::okta::connections::{Connection, ConnectionStatus};
use crate::plan::{LiveConnection, LiveStatus};

/// What Okta shows of a connection, in the words of [`crate::plan`].
pub fn live(connection: &Connection) -> LiveConnection {
    let status = match connection.status() {
        ConnectionStatus::Enabled => LiveStatus::Enabled,
        ConnectionStatus::Disabled => LiveStatus::Disabled,
        ConnectionStatus::Unknown => LiveStatus::Unknown,
        ConnectionStatus::Missing => LiveStatus::Missing,
    };
    LiveConnection {
        status,
        auth_scheme: connection.scheme().map(str::to_owned),
        base_url: connection.base_url().cloned(),
        client_id: connection.client_id().cloned(),
        rotation_mode: connection.rotation_mode().map(str::to_owned),
    }
}
