//! What of a list is shown: `?org=`, `?app=`, `?state=`, `?page=`, and of numbers `?partition=`. What none of these is, is
//! as if it were not there.

use url::form_urlencoded::Serializer;

use super::form::Form;
use crate::apps::App;
use crate::selection::{Condition, Selection, fits};

/// See the first lines of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// A name, or a pattern with `*`.
    pub org: Option<String>,
    /// An app.
    pub app: Option<App>,
    /// A state, or a way to be done.
    pub state: Option<String>,
    /// Where numbers are read: a partition, or a pattern with `*`.
    pub partition: Option<String>,
    /// From 1.
    pub page: usize,
}

impl Filter {
    /// Of a query.
    pub fn of(query: Option<&str>) -> Self {
        let form = Form::of(query.unwrap_or_default().as_bytes());
        let state = form.filled("state").map(str::to_owned);
        Self {
            org: form.filled("org").map(str::to_owned),
            app: form.filled("app").and_then(App::from_name),
            partition: form.filled("partition").map(str::to_owned),
            state: state.filter(|state| format!("state={state}").parse::<Condition>().is_ok()),
            page: form
                .filled("page")
                .and_then(|page| page.parse().ok())
                .unwrap_or(1)
                .max(1),
        }
    }

    /// As `--only` has it.
    pub fn selection(&self) -> Selection {
        let org = self.org.iter().map(|org| Condition::Org(org.clone()));
        let app = self.app.iter().map(|app| Condition::App(*app));
        let state = self.state.iter();
        let state = state.filter_map(|state| format!("state={state}").parse().ok());
        Selection::of(&org.chain(app).chain(state).collect::<Vec<_>>())
    }

    /// Whether an entry of this app in this org is shown.
    pub fn takes(&self, org: &str, app: App) -> bool {
        self.org.as_ref().is_none_or(|pattern| fits(pattern, org))
            && self.app.is_none_or(|only| only == app)
    }

    /// Whether something is left out.
    pub const fn is_set(&self) -> bool {
        self.org.is_some() || self.app.is_some() || self.state.is_some()
    }

    /// The query of another page of the same.
    pub fn query(&self, page: usize) -> String {
        let mut query = Serializer::new(String::new());
        let fields = [
            ("org", self.org.clone()),
            ("app", self.app.map(|app| app.name().to_owned())),
            ("state", self.state.clone()),
            ("page", (page > 1).then(|| page.to_string())),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_is_shown_and_which_page_of_it() {
        let filter = Filter::of(Some("org=ac*%20e&app=google&state=failed&page=3"));
        assert_eq!(filter.query(4), "org=ac*+e&app=google&state=failed&page=4");
        assert_eq!(
            filter.selection().to_string(),
            "failed,org=ac* e,app=google"
        );
        assert!(filter.takes("acme e", App::Google) && filter.is_set());
        assert!(!filter.takes("acme e", App::Slack) && !filter.takes("globex", App::Google));
        for nothing in [
            None,
            Some("org=&app=gogle&state=x&page=-1&y=z"),
            Some("page=0"),
        ] {
            let filter = Filter::of(nothing);
            assert_eq!(
                filter,
                Filter {
                    page: 1,
                    ..Filter::default()
                }
            );
            assert!(filter.selection().is_all() && !filter.is_set());
            assert_eq!(filter.query(1), "");
        }
    }
}
