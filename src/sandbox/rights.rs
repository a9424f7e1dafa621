//! What admin roles let a service app do besides what its scopes let it ask for: token *and* role are needed (API.md §7).
//! Coarse: of Okta's permissions only those are told apart that the operations here need.

use axum::http::Method;

use super::service::Service;

/// What a service app's roles let it do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rights {
    /// Whatever its scopes say.
    Everything,
    /// Nothing: it has no role that does.
    Nothing,
    /// What roles of these types let it do.
    Of(Vec<Box<str>>),
}

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matter {
    Apps,
    Clients,
    Idps,
    /// Who may do what: for super administrators only (API.md §6, §7.1).
    RolesAndGrants,
}

impl Rights {
    /// Whether a client may get the keys of another description of it: those of one that holds scopes are for super
    /// administrators to change (API.md §6).
    pub(super) fn allow_keys(&self, client: &Service, wanted: &Service) -> bool {
        let are_super = match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::Of(roles) => roles.iter().any(|role| &**role == "SUPER_ADMIN"),
        };
        are_super || client.grants.is_empty() || client.signs_like(wanted)
    }

    /// Whether they are enough for an operation: a route with placeholders.
    pub(super) fn allow(&self, method: &Method, operation: &str) -> bool {
        let roles = match self {
            Self::Everything => return true,
            Self::Nothing => return false,
            Self::Of(roles) => roles,
        };
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let matter = Matter::of(operation);
        roles.iter().any(|role| match (&**role, reads) {
            ("SUPER_ADMIN", _) | ("READ_ONLY_ADMIN" | "ORG_ADMIN", true) => true,
            ("APP_ADMIN", true) => matter != Matter::Idps,
            ("APP_ADMIN", false) => matches!(matter, Matter::Apps | Matter::Clients),
            ("API_ACCESS_MANAGEMENT_ADMIN", true) => {
                matches!(matter, Matter::Apps | Matter::Clients)
            }
            ("API_ACCESS_MANAGEMENT_ADMIN", false) => matter == Matter::Clients,
            ("ORG_ADMIN", false) => matter == Matter::Idps,
            // What a custom role holds is not simulated: whatever a custom role can hold.
            ("CUSTOM", _) => reads || matter != Matter::RolesAndGrants,
            _ => false,
        })
    }
}

impl Matter {
    fn of(operation: &str) -> Self {
        if operation.ends_with("/grants") || operation.ends_with("/roles") {
            Self::RolesAndGrants
        } else if operation.starts_with("/oauth2/v1/clients") {
            Self::Clients
        } else if operation.starts_with("/api/v1/idps") {
            Self::Idps
        } else {
            Self::Apps
        }
    }
}

/// Whether an operation answers a list, which can be empty for who may not see what is in it.
pub(super) fn lists(method: &Method, operation: &str) -> bool {
    let ends = [
        "/apps",
        "/clients",
        "/idps",
        "/grants",
        "/roles",
        "/features",
        "/keys",
    ];
    *method == Method::GET && ends.iter().any(|end| operation.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_let_do_what_they_are_for() {
        let apps = "/api/v1/apps/{id}";
        let (clients, roles) = ("/oauth2/v1/clients", "/oauth2/v1/clients/{id}/roles");
        let (idps, grants) = ("/api/v1/idps", "/api/v1/apps/{id}/grants");
        for (given, method, operation, allowed) in [
            ("SUPER_ADMIN", Method::POST, roles, true),
            ("SUPER_ADMIN", Method::PUT, apps, true),
            ("READ_ONLY_ADMIN", Method::GET, grants, true),
            ("READ_ONLY_ADMIN", Method::PUT, apps, false),
            ("APP_ADMIN", Method::PUT, apps, true),
            ("APP_ADMIN", Method::POST, clients, true),
            ("APP_ADMIN", Method::POST, grants, false),
            ("APP_ADMIN", Method::GET, idps, false),
            ("ORG_ADMIN", Method::POST, idps, true),
            ("ORG_ADMIN", Method::PUT, apps, false),
            ("API_ACCESS_MANAGEMENT_ADMIN", Method::POST, clients, true),
            ("API_ACCESS_MANAGEMENT_ADMIN", Method::PUT, apps, false),
            ("CUSTOM", Method::PUT, apps, true),
            ("CUSTOM", Method::POST, roles, false),
            ("USER_ADMIN", Method::GET, apps, false),
            ("GROUP_MEMBERSHIP_ADMIN", Method::GET, clients, false),
        ] {
            let rights = Rights::Of(vec![given.into()]);
            assert_eq!(
                rights.allow(&method, operation),
                allowed,
                "{given} {method} {operation}"
            );
        }
        let two = Rights::Of(vec!["USER_ADMIN".into(), "APP_ADMIN".into()]);
        assert!(two.allow(&Method::GET, apps));
        assert!(!Rights::Of(Vec::new()).allow(&Method::GET, apps));
        assert!(Rights::Everything.allow(&Method::POST, roles));
        assert!(!Rights::Nothing.allow(&Method::GET, apps));
    }

    #[test]
    fn lists_are_told_from_single_things() {
        for (method, operation, is_list) in [
            (Method::GET, "/api/v1/apps", true),
            (Method::GET, "/api/v1/apps/{id}/credentials/keys", true),
            (Method::GET, "/api/v1/apps/{id}", false),
            (Method::POST, "/api/v1/apps", false),
        ] {
            assert_eq!(lists(&method, operation), is_list, "{operation}");
        }
    }
}
