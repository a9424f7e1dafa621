//! What of a connection a refusal is about, which decides whether a value behind a reference or the file is corrected.
//! Pure.

use crate::manifest::{Connection, SecretRef};

/// Fields of a connection that Okta names in a refusal, as the manifest calls them.
const FIELDS: [&str; 5] = [
    "baseUrl",
    "clientId",
    "authScheme",
    "rotationMode",
    "adminUsername",
];

/// What is to be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blamed<'a> {
    /// What this reference leads to.
    Value(&'a str),
    /// This field of the entry.
    Field(&'static str),
}

/// What Okta's refusal of a connection, in these words, is about. Most often that is the credential it carries
/// (API.md §3.4); `None` = it carries none, and no other field is named.
pub(super) fn blamed<'a>(connection: &'a Connection, message: &str) -> Option<Blamed<'a>> {
    let profile = &connection.profile;
    let settings = profile.settings.as_ref();
    let said = message.to_lowercase();
    let is_credential = said.contains("credential");
    let field = FIELDS
        .into_iter()
        .find(|field| !is_credential && said.contains(&field.to_lowercase()));
    if let Some(field) = field {
        let value = settings
            .filter(|_| field == "adminUsername")
            .map(|settings| settings.admin_username.as_str())
            .filter(|username| SecretRef::looks_like(username));
        return Some(value.map_or(Blamed::Field(field), Blamed::Value));
    }
    let secret = settings
        .map(|settings| &settings.admin_password)
        .or(profile.token.as_ref());
    secret.map(|secret| Blamed::Value(secret.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_about_what_it_names_and_else_about_the_credential() {
        let token = json!({ "baseUrl": "https://x", "profile": { "authScheme": "TOKEN", "token": "env:T" } });
        let admin = |username: &str| {
            json!({ "profile": { "authScheme": "OAUTH2",
                "settings": { "adminUsername": username, "adminPassword": "env:P" } } })
        };
        let key = json!({ "profile": { "authScheme": "OAUTH2", "clientId": "0oa1" } });
        let (plain, hidden) = (admin("a@acme.example"), admin("env:U"));
        let (of_token, of_password) = (Some(Blamed::Value("env:T")), Some(Blamed::Value("env:P")));
        for (connection, message, wanted) in [
            (
                &token,
                "Api validation failed: credential: Verification failed: Invalid URL. Not authorized",
                of_token,
            ),
            (&token, "Bad Request", of_token),
            (
                &token,
                "Api validation failed: baseUrl: baseUrl: bad",
                Some(Blamed::Field("baseUrl")),
            ),
            (
                &token,
                "the BaseURL is wrong",
                Some(Blamed::Field("baseUrl")),
            ),
            (
                &token,
                "Api validation failed: credential: not accepted at baseUrl",
                of_token,
            ),
            (
                &token,
                "Api validation failed: authScheme",
                Some(Blamed::Field("authScheme")),
            ),
            (&plain, "Api validation failed: credential", of_password),
            (&plain, "Bad Request", of_password),
            (
                &plain,
                "Api validation failed: adminUsername",
                Some(Blamed::Field("adminUsername")),
            ),
            (
                &hidden,
                "Api validation failed: adminUsername",
                Some(Blamed::Value("env:U")),
            ),
            (
                &key,
                "Api validation failed: clientId",
                Some(Blamed::Field("clientId")),
            ),
            (&key, "Api validation failed: credential", None),
        ] {
            let connection = serde_json::from_value(connection.clone()).unwrap();
            assert_eq!(blamed(&connection, message), wanted, "{message}");
        }
    }
}
