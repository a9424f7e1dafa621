//! Hands Okta what a consent produced (API.md §4, step 4).

use secrecy::{ExposeSecret, SecretString};

use super::request::{Bucket, Method, Request, Write, push_encoded, segment};
use crate::apps::App;

/// `POST /api/v1/apps/{appName}/{appId}/oauth2/callback?code=…&state=…` with an empty body. The code
/// can be spent once: when the answer is lost, look before sending again.
pub fn complete(app: App, app_id: &str, code: &SecretString, state: &SecretString) -> Write<()> {
    let path = format!(
        "/api/v1/apps/{}/{}/oauth2/callback",
        app.name(),
        segment(app_id)
    );
    let (code_text, state_text) = (code.expose_secret(), state.expose_secret());
    // Room for every byte percent-encoded: the text must not be copied to a larger buffer unwiped.
    let room = path.len() + 3 * (code_text.len() + state_text.len()) + "?code=&state=".len();
    let mut target = String::with_capacity(room);
    target.push_str(&path);
    target.push_str("?code=");
    push_encoded(&mut target, code_text);
    target.push_str("&state=");
    push_encoded(&mut target, state_text);
    let request = Request::new(Method::Post, Bucket::Apps, target)
        .with_secrets(vec![code.clone(), state.clone()]);
    Write::new(request, |_, _| Some(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_only_in_the_query() {
        let code = SecretString::from("4/0A+b&c=d");
        let state = SecretString::from("s t");
        let write = complete(App::Google, "0oa1/x", &code, &state);
        let path = "/api/v1/apps/google/0oa1%2Fx/oauth2/callback";
        let request = write.request();
        assert_eq!(
            request.path(),
            format!("{path}?code=4%2F0A%2Bb%26c%3Dd&state=s%20t")
        );
        assert_eq!(request.label(), format!("POST {path}"));
        assert!(request.body().is_none());
        assert!(!format!("{write:?}").contains("4%2F0A"), "{write:?}");
    }
}
