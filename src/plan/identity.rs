//! Whether an app whose id the manifest gives is the app it is said to be, and how that is best found out. Nothing
//! is written to an app before it is known.

use super::decide::Obstacle;
use crate::manifest::Entry;
use crate::text::is_word;

/// Apps of one kind that are worth a list of that kind. A list spends from the bucket that every other call spends from,
/// so that with fewer it would be more than 4 in 100 of what the entries need themselves; a look at one app spends from
/// another, five times as large (API.md §10.1), which it never uses up.
const LISTED_FROM: u64 = 25;

/// Looks at single apps that weigh as much as a page of a list.
const WEIGHT_OF_PAGE: u64 = 5;

/// How many pages of a list of the org's apps of one kind are read, at most, to see what so many of them are; none =
/// each is looked at by itself. With more pages the list would cost more than it spares.
pub const fn pages_worth(unseen: u64) -> u64 {
    if unseen < LISTED_FROM {
        0
    } else {
        unseen / WEIGHT_OF_PAGE
    }
}

/// Refuses an app that is not what the entry says. `name` is what Okta calls it.
pub fn is_right_app(entry: &Entry, app_id: &str, name: &str) -> Result<(), Obstacle> {
    if name == entry.app.name() {
        return Ok(());
    }
    let app = entry.app;
    let message = match name {
        "" => format!("Okta does not show which app {app_id} is, so that it may not be {app}"),
        _ if is_word(name) => {
            format!("{app_id} is {} {name} app, not {app}", article(name))
        }
        _ => format!("{app_id} is another app, not {app}"),
    };
    Err(Obstacle::new(
        message,
        "correct appId or app in the manifest; nothing was sent to this app",
    ))
}

fn article(name: &str) -> &'static str {
    match name.chars().next() {
        Some('a' | 'e' | 'i' | 'o' | 'A' | 'E' | 'I' | 'O') => "an",
        _ => "a",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::entry;
    use super::*;

    #[test]
    fn an_app_is_named_as_what_it_is() {
        let entry = entry(json!({ "org": "a", "app": "zscalerbyz", "appId": "0oa1" }));
        for (name, refused) in [
            ("zscalerbyz", None),
            (
                "okta_org2org",
                Some("0oa1 is an okta_org2org app, not zscalerbyz"),
            ),
            ("google", Some("0oa1 is a google app, not zscalerbyz")),
            (
                "office365",
                Some("0oa1 is an office365 app, not zscalerbyz"),
            ),
            (
                "acme_hr-portal_1",
                Some("0oa1 is an acme_hr-portal_1 app, not zscalerbyz"),
            ),
            (
                "ZscalerbyZ",
                Some("0oa1 is a ZscalerbyZ app, not zscalerbyz"),
            ),
            (
                "zscalerbyz\u{200b}",
                Some("0oa1 is another app, not zscalerbyz"),
            ),
            (
                "\u{1b}[2Jgoogle",
                Some("0oa1 is another app, not zscalerbyz"),
            ),
            (
                "",
                Some("Okta does not show which app 0oa1 is, so that it may not be zscalerbyz"),
            ),
        ] {
            let found = is_right_app(&entry, "0oa1", name).map_err(|obstacle| obstacle.message);
            assert_eq!(found.err().as_deref(), refused, "{name:?}");
        }
    }

    #[test]
    fn a_list_is_made_where_it_spares_more_than_it_costs() {
        for (unseen, pages) in [(0, 0), (1, 0), (24, 0), (25, 5), (29, 5), (300, 60)] {
            assert_eq!(pages_worth(unseen), pages, "{unseen}");
        }
    }
}
