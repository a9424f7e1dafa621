//! The bare loop on orgs with limits, of which it knows nothing.

use crate::support::bare;
use crate::support::fleet::Fleet;
use crate::support::journal;

/// Calls in flight per org, ours and the bare loop's: the program's default.
pub const IN_FLIGHT: u32 = 20;

/// What became of it.
pub async fn bare_loop(fleet: &Fleet) -> anyhow::Result<String> {
    let clients = fleet.clients()?;
    let (took, lost) = bare::round(fleet, &clients, IN_FLIGHT as usize).await?;
    let (calls, limited) = journal::calls(fleet)?;
    let took = took.as_secs_f64();
    Ok(format!(
        "{took:.1} s, {calls} calls, {limited} of them 429, {lost} lost"
    ))
}
