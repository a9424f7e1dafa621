//! The calls about a connection.

use super::shown::ShownConnection;
use super::supposition::Supposition;
use super::{Context, StepError};
use crate::okta::connections::{self, Activate, Connection, ConnectionBody};
use crate::pacing::Idempotency;

/// Reads the connection.
pub(super) async fn read(
    context: &mut Context<'_>,
    app_id: &str,
) -> Result<ShownConnection, StepError> {
    let taken = |found| ShownConnection::of(&found);
    let supposed = |supposed: &mut Supposition<'_>| Ok(supposed.read_connection());
    context
        .read(&connections::get(app_id), taken, supposed)
        .await
}

/// Posts the connection, and gives what it then shows, if anything.
pub(super) async fn post(
    context: &mut Context<'_>,
    app_id: &str,
    body: &ConnectionBody,
    activate: Activate,
    idempotency: Idempotency,
) -> Result<Option<ShownConnection>, StepError> {
    let call = connections::set(app_id, body, activate);
    let taken = |shown: Option<Connection>| shown.as_ref().map(ShownConnection::of);
    context
        .write(&call, idempotency, taken, Supposition::set_connection)
        .await
}

/// Activates the connection.
pub(super) async fn activate(context: &mut Context<'_>, app_id: &str) -> Result<(), StepError> {
    let call = connections::activate(app_id);
    context
        .write(
            &call,
            Idempotency::Idempotent,
            |()| (),
            Supposition::activate,
        )
        .await
}

/// Deactivates the connection.
pub(super) async fn deactivate(context: &mut Context<'_>, app_id: &str) -> Result<(), StepError> {
    let call = connections::deactivate(app_id);
    context
        .write(
            &call,
            Idempotency::Idempotent,
            |()| (),
            Supposition::deactivate,
        )
        .await
}
