//! `ledger`: who may work with one.

use super::args;
use super::output::Output;
use crate::failure::{Ending, Failure};
use crate::ledger;
use crate::text::{self, Syntax};

/// `ledger grants`.
pub(super) fn grants(args: &args::Grants, output: Output) -> Result<Ending, Failure> {
    let refused = |error: anyhow::Error| {
        Failure::usage(error).hint("name a role of PostgreSQL's: okta-rollout ledger grants ROLE")
    };
    // It would be another one's, as it is printed.
    if text::value(&args.role) != args.role {
        let error = anyhow::anyhow!("the role's name has characters that nobody sees");
        return Err(refused(error));
    }
    let sql = ledger::grants(&args.role).map_err(|error| refused(error.into()))?;
    output.data(Syntax::Lines, |out| Ok(out.write_all(sql.as_bytes())?))?;
    Ok(Ending::Success)
}
