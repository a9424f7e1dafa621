//! The identity provider of an Org2Org pair (API.md §6, rows 1 to 3): it stands for the entry's org in the hub, which lets in
//! those whom the entry's app signs in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::problem::Issues;

/// The identity provider in the hub that stands for the entry's org.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Idp {
    /// Its name in the hub; without one it is that of the service app (`clientName`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Longest name (characters): Okta's limit.
const MAX_NAME: usize = 100;

/// The sign-on mode of an app that signs in through an identity provider of its hub.
const SIGN_ON_MODE: &str = "OPENID_CONNECT";

/// Where an app is told which one that is.
const IDP_ID: &str = "idpId";

impl Idp {
    /// Notes what is wrong with it. `default`: its name, if it has none; `create`: the sign-on mode and the settings of an
    /// app that is to be created.
    pub(super) fn check(
        &self,
        default: &str,
        create: Option<(Option<&str>, &Map<String, Value>)>,
        issues: &mut Issues,
    ) {
        let name = self.name.as_deref().unwrap_or(default);
        let length = name.chars().count();
        if length > MAX_NAME {
            issues.push(
                "hub.idp.name",
                format!("has {length} characters; Okta takes up to {MAX_NAME}"),
            );
        }
        let Some((mode, settings)) = create else {
            return;
        };
        if mode != Some(SIGN_ON_MODE) {
            issues.push_hint(
                "hub.idp",
                format!("goes only with create.signOnMode {SIGN_ON_MODE}"),
                format!("create the app with signOnMode {SIGN_ON_MODE}, or leave hub.idp out"),
            );
        }
        if settings.contains_key(IDP_ID) {
            issues.push_hint(
                format!("create.settings.app.{IDP_ID}"),
                "stands beside hub.idp, which says it",
                "leave it out, or leave hub.idp out",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_provider_goes_with_an_app_that_signs_in_through_it() {
        let long = "n".repeat(MAX_NAME + 1);
        let oidc = Some(SIGN_ON_MODE);
        let plain = json!({ "baseUrl": "https://hub.okta.com" });
        let named = json!({ "baseUrl": "https://hub.okta.com", "idpId": "0oa1" });
        let only = "goes only with create.signOnMode OPENID_CONNECT";
        let beside = "stands beside hub.idp, which says it";
        let too_long = "has 101 characters; Okta takes up to 100";
        for (name, default, create, expected) in [
            (None, "spoke", None, vec![]),
            (Some("acme"), long.as_str(), Some((oidc, &plain)), vec![]),
            (Some(long.as_str()), "spoke", None, vec![too_long]),
            (None, long.as_str(), None, vec![too_long]),
            (None, "spoke", Some((None, &plain)), vec![only]),
            (None, "spoke", Some((Some("SAML_2_0"), &plain)), vec![only]),
            (None, "spoke", Some((oidc, &named)), vec![beside]),
        ] {
            let idp = Idp {
                name: name.map(str::to_owned),
            };
            let create = create.map(|(mode, settings)| (mode, settings.as_object().unwrap()));
            let mut issues = Issues::default();
            idp.check(default, create, &mut issues);
            assert_eq!(issues.messages(), expected, "{name:?} {create:?}");
        }
    }
}
