//! What a short plan and a long one have in common: colours, and what an org costs.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::plan::{Action, OrgPlan};
use crate::report::counted;
use crate::text::Page;

const HEAD: Style = Style::new().bold();

/// Writes what an org costs, or why it cannot be read.
pub(super) fn cost_of(out: &mut Page<impl Write>, org: &OrgPlan) -> io::Result<()> {
    let after = match org.cost.after_consent {
        0 => String::new(),
        after => format!(", then {after} after consents"),
    };
    out.line(format_args!(
        "{HEAD}{}{HEAD:#}: {}{after}",
        org.name,
        calls(org)
    ))?;
    if let Some(error) = &org.error {
        let red = style(Action::Error);
        out.line(format_args!(
            "  {red}!{red:#} the org cannot be read: {error}"
        ))?;
        out.line(format_args!("    hint: {}", error.hint))?;
    }
    if let Some(scopes) = &org.scopes {
        out.line(format_args!(
            "  its service app needs {}",
            scopes.needed.join(", ")
        ))?;
        if let Some(lack) = &scopes.lack {
            let red = style(Action::Error);
            out.line(format_args!("  {red}!{red:#} {lack}"))?;
            out.line(format_args!("    hint: {}", lack.hint))?;
        }
    }
    Ok(())
}

/// `38 calls (/api/v1/apps 36, /oauth2/v1/clients 2)`.
pub(super) fn calls(org: &OrgPlan) -> String {
    let buckets: Vec<_> = org
        .cost
        .calls
        .iter()
        .map(|(bucket, calls)| format!("{bucket} {calls}"))
        .collect();
    let mut text = counted(org.cost.total(), "call", "calls");
    if !buckets.is_empty() {
        text = format!("{text} ({})", buckets.join(", "));
    }
    text
}

pub(super) fn style(action: Action) -> Style {
    let colour = match action {
        Action::SetUp => AnsiColor::Green,
        Action::Change => AnsiColor::Yellow,
        Action::Deactivate | Action::Error => AnsiColor::Red,
        Action::Consent => AnsiColor::Cyan,
        Action::Nothing => return Style::new(),
    };
    colour.on_default().bold()
}
