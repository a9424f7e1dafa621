//! Where an answer says that it belongs.

use std::fmt;

use crate::apps::App;

/// Longest id of an app (bytes); Okta's have 20.
const LONGEST_ID: usize = 100;

/// The org, app and app instance that an answer names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spot {
    /// Host of the org.
    pub host: String,
    /// The app, if Okta has one of that name, and its id.
    pub app: Option<(App, String)>,
}

impl Spot {
    pub(super) fn of(host: &str, path: &str) -> Self {
        Self {
            host: host.to_owned(),
            app: app_of(path),
        }
    }
}

/// `acme.okta.com, google 0oa1`.
impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match &self.app {
            Some((app, id)) => write!(f, ", {app} {id}"),
            None => Ok(()),
        }
    }
}

/// The app of `/api/v1/apps/{name}/{id}/oauth2/callback`, and of the page that leads there.
fn app_of(path: &str) -> Option<(App, String)> {
    let path = path
        .strip_suffix("/oauth2/callback")
        .or_else(|| path.strip_suffix("/oauth2/redirect"))?;
    let (path, id) = path.rsplit_once('/')?;
    let (_, name) = path.rsplit_once('/')?;
    // Okta's ids have letters and digits only; what else a URL need not escape is none of our business.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_id = (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(plain);
    Some((App::from_name(name).filter(|_| is_id)?, id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_is_in_the_path_whatever_its_id_is_like() {
        let long = "x".repeat(LONGEST_ID + 1);
        for (name, id, expected) in [
            ("google", "0oa1gjh63g214q0Hq0g4", true),
            ("slack", "0oaorg-010000", true),
            ("zoomus", "a_b.c~d", true),
            ("salesforce", "0oa1", false),
            ("google", "", false),
            ("google", "0oa%2F1", false),
            ("google", long.as_str(), false),
        ] {
            for end in ["callback", "redirect"] {
                let path = format!("/api/v1/apps/{name}/{id}/oauth2/{end}");
                let app = app_of(&path).map(|(app, id)| (app.name(), id));
                assert_eq!(app, expected.then(|| (name, id.to_owned())), "{path}");
            }
        }
        assert_eq!(app_of("/api/v1/apps/google/0oa1/oauth2"), None);
    }
}
