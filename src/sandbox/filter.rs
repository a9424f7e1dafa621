//! `filter=` of the app list: `attribute eq "value"`, joined by `and` or `or` (API.md §9).

use super::answer::Refusal;
use super::model::App;

/// Attributes Okta can filter by; names are case-sensitive.
const ATTRIBUTES: [&str; 5] = [
    "name",
    "id",
    "status",
    "credentials.signing.kid",
    "settings.slo.enabled",
];

/// A filter: any of the groups must fit, a group fits when all of its clauses do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filter(Vec<Vec<Clause>>);

#[derive(Debug, PartialEq, Eq)]
struct Clause {
    attribute: &'static str,
    value: String,
}

impl Filter {
    /// Reads a filter; E0000031 when it is none.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut groups = vec![Vec::new()];
        let mut rest = text.trim();
        loop {
            let (clause, after) = clause(rest).ok_or_else(Refusal::bad_filter)?;
            if let Some(group) = groups.last_mut() {
                group.push(clause);
            }
            if after.is_empty() {
                return Ok(Self(groups));
            }
            if let Some(after) = after.strip_prefix(" and ") {
                rest = after.trim_start();
            } else if let Some(after) = after.strip_prefix(" or ") {
                groups.push(Vec::new());
                rest = after.trim_start();
            } else {
                return Err(Refusal::bad_filter());
            }
        }
    }

    /// Whether an app is meant; its keys follow from the seed.
    pub(super) fn fits(&self, app: &App, seed: u64) -> bool {
        self.0
            .iter()
            .any(|group| group.iter().all(|clause| clause.fits(app, seed)))
    }
}

impl Clause {
    fn fits(&self, app: &App, seed: u64) -> bool {
        let own = match self.attribute {
            "name" => &*app.name,
            "id" => &*app.id,
            "status" if app.inactive => "INACTIVE",
            "status" => "ACTIVE",
            "credentials.signing.kid" => return app.kid(seed) == self.value,
            // No simulated app has what the other attribute asks for.
            _ => return false,
        };
        own == self.value
    }
}

/// One clause and what follows it.
fn clause(text: &str) -> Option<(Clause, &str)> {
    let (attribute, rest) = text.split_once(' ')?;
    let attribute = ATTRIBUTES.into_iter().find(|known| *known == attribute)?;
    let rest = rest.trim_start().strip_prefix("eq ")?.trim_start();
    let (value, after) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        // Booleans stand without quotes.
        None => ["true", "false"]
            .into_iter()
            .find_map(|flag| rest.strip_prefix(flag).map(|after| (flag, after)))?,
    };
    let value = value.to_owned();
    Some((Clause { attribute, value }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_choose_apps() {
        let google = App::new("0oa1", "google", "Google", 0);
        for (filter, fits) in [
            (r#"name eq "google""#, true),
            (r#"name eq "Google""#, false),
            (r#"id eq "0oa1""#, true),
            (r#"status eq "ACTIVE""#, true),
            (r#"status eq "INACTIVE""#, false),
            (r#"name eq "google" and status eq "INACTIVE""#, false),
            (r#"name eq "slack" or id eq "0oa1""#, true),
            ("settings.slo.enabled eq true", false),
        ] {
            assert_eq!(
                Filter::parse(filter).unwrap().fits(&google, 1),
                fits,
                "{filter}"
            );
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in [
            "",
            "name",
            "name eq",
            "name eq google",
            r#"name eq "google"#,
            r#"Name eq "google""#,
            r#"label eq "x""#,
            r#"name sw "goo""#,
            r#"name eq "google" id eq "1""#,
            r#"name eq "google" and "#,
        ] {
            assert!(Filter::parse(filter).is_err(), "{filter}");
        }
    }
}
