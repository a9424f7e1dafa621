//! What simulated orgs answer, operation by operation, held against API.md §3.4, §4, §5.4 and §9.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod hub;
mod idps;
mod keys;
mod pair;
#[path = "../support/raw.rs"]
mod raw;
mod service_apps;
mod signer;

use raw::{Org, orgs, settings};
use serde_json::{Value, json};

const TOKEN: &str = r#"{"profile":{"authScheme":"TOKEN","token":"t1"}}"#;
const OAUTH2: &str = r#"{"profile":{"authScheme":"OAUTH2"}}"#;

fn connection(id: &str) -> String {
    format!("/api/v1/apps/{id}/connections/default")
}

/// Sends every row of a table in turn: method, path, body, and the outcome it must have.
async fn expect(org: &Org, table: &[(&str, String, &str, &str)]) {
    for (n, (method, path, body, outcome)) in table.iter().enumerate() {
        let reply = org.call(method, path, body).await;
        assert_eq!(
            reply.outcome(),
            *outcome,
            "row {n}: {method} {path} {body} -> {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn a_token_connection_goes_through_its_states() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let path = connection("0oahub");
    let shown = acme.get(&path).await.json();
    assert_eq!(shown["status"], "DISABLED");
    assert_eq!(shown["profile"]["authScheme"], "TOKEN");

    let body =
        r#"{"baseUrl":"https://hub.okta.com","profile":{"authScheme":"TOKEN","token":"s3cr3t"}}"#;
    let set = acme.post(&path, body).await;
    assert_eq!(set.header("content-type"), "application/json");
    let base = format!("http://{}{path}", acme.host);
    assert_eq!(
        set.json(),
        json!({"authScheme":"TOKEN","status":"DISABLED","baseUrl":"https://hub.okta.com",
            "profile":{"authScheme":"TOKEN"},
            "_links":{"activate":{"href":format!("{base}/lifecycle/activate"),"hints":{"allow":["POST"]}},
                      "self":{"href":base,"hints":{"allow":["POST","GET"]}}}})
    );
    let (activate, deactivate) = (
        format!("{path}/lifecycle/activate"),
        format!("{path}/lifecycle/deactivate"),
    );
    expect(
        &acme,
        &[
            ("POST", activate.clone(), "", "204"),
            ("POST", activate.clone(), "", "204"),
        ],
    )
    .await;
    let shown = acme.get(&path).await;
    assert_eq!(shown.json()["status"], "ENABLED");
    assert!(shown.json()["_links"]["deactivate"].is_object());
    assert!(shown.json()["_links"]["activate"].is_null());
    assert!(!shown.text.contains("s3cr3t"));
    expect(
        &acme,
        &[
            ("POST", deactivate.clone(), "", "204"),
            ("POST", deactivate, "", "204"),
        ],
    )
    .await;
    assert_eq!(acme.get(&path).await.json()["status"], "DISABLED");
    let set = acme.post(&format!("{path}?activate=TRUE"), TOKEN).await;
    assert_eq!(set.json()["status"], "ENABLED");
    let set = acme.post(&path, TOKEN).await;
    assert_eq!(set.json()["status"], "DISABLED", "strict reading of §12");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of requests")]
async fn connection_requests_have_the_outcomes_of_the_fact_sheet() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let hub = connection("0oahub");
    let zscaler = connection("0oazscaler");
    let google = connection("0oagoogle");
    let office = connection("0oaoffice");
    let gone = connection("0oagone");
    let zscaler_ok = r#"{"baseUrl":"https://scim.zscalerbeta.net/1/2/scim","profile":{"authScheme":"TOKEN","token":"t"}}"#;
    let office_ok = r#"{"profile":{"authScheme":"OAUTH2","settings":{"adminUsername":"a","adminPassword":"b"}}}"#;
    let office_half = r#"{"profile":{"authScheme":"OAUTH2","settings":{"adminUsername":"a"}}}"#;
    let bad_token = r#"{"profile":{"authScheme":"TOKEN","token":"bad-1"}}"#;
    let client = r#"{"profile":{"authScheme":"OAUTH2","clientId":"0oa9","signing":{"rotationMode":"AUTO"}}}"#;
    let bad_client = r#"{"profile":{"authScheme":"OAUTH2","clientId":"invalid"}}"#;
    let bad_rotation = r#"{"profile":{"authScheme":"OAUTH2","clientId":"0oa9","signing":{"rotationMode":"auto"}}}"#;
    expect(
        &acme,
        &[
            ("GET", gone.clone(), "", "404 E0000007"),
            ("POST", gone.clone(), TOKEN, "404 E0000007"),
            (
                "POST",
                format!("{gone}/lifecycle/activate"),
                "",
                "404 E0000007",
            ),
            (
                "POST",
                format!("{gone}/lifecycle/deactivate"),
                "",
                "404 E0000007",
            ),
            ("GET", format!("{gone}/jwks"), "", "404 E0000007"),
            // Body before existence.
            ("POST", gone, "", "400 E0000003"),
            ("POST", hub.clone(), "", "400 E0000003"),
            ("POST", hub.clone(), "{", "400 E0000003"),
            ("POST", hub.clone(), "[]", "400 E0000003"),
            ("POST", hub.clone(), "{}", "400 E0000001"),
            ("POST", hub.clone(), r#"{"profile":3}"#, "400 E0000003"),
            (
                "POST",
                hub.clone(),
                r#"{"profile":{"authScheme":"OAUTH"}}"#,
                "400 E0000001",
            ),
            (
                "POST",
                hub.clone(),
                r#"{"profile":{"authScheme":"TOKEN"}}"#,
                "400 E0000001",
            ),
            ("POST", hub.clone(), OAUTH2, "400 E0000001"),
            ("POST", hub.clone(), bad_token, "400 E0000001"),
            (
                "POST",
                format!("{hub}?activate=true"),
                bad_client,
                "400 E0000001",
            ),
            ("POST", hub.clone(), bad_rotation, "400 E0000001"),
            (
                "POST",
                format!("{hub}?activate=maybe"),
                TOKEN,
                "400 E0000037",
            ),
            (
                "POST",
                format!("{hub}/lifecycle/activate"),
                "",
                "400 E0000001",
            ),
            ("POST", format!("{hub}/lifecycle/deactivate"), "", "204"),
            ("GET", format!("{hub}/jwks"), "", "404 E0000007"),
            ("POST", format!("{hub}?activate=true"), client, "200"),
            ("GET", format!("{hub}/jwks"), "", "200"),
            ("POST", zscaler.clone(), TOKEN, "400 E0000001"),
            ("POST", zscaler.clone(), OAUTH2, "400 E0000001"),
            (
                "POST",
                zscaler.clone(),
                r#"{"baseUrl":"scim","profile":{"authScheme":"TOKEN","token":"t"}}"#,
                "400 E0000001",
            ),
            ("POST", zscaler, zscaler_ok, "200"),
            ("POST", google.clone(), TOKEN, "400 E0000001"),
            ("POST", google.clone(), OAUTH2, "200"),
            (
                "POST",
                format!("{google}?activate=true"),
                OAUTH2,
                "400 E0000001",
            ),
            (
                "POST",
                format!("{google}/lifecycle/activate"),
                "",
                "400 E0000001",
            ),
            ("POST", office.clone(), OAUTH2, "400 E0000001"),
            ("POST", office.clone(), office_half, "400 E0000001"),
            ("POST", office, office_ok, "200"),
        ],
    )
    .await;
    let shown = acme.get(&hub).await.json();
    assert_eq!(shown["clientId"], "0oa9");
    assert_eq!(
        shown["profile"],
        json!({"authScheme":"OAUTH2","clientId":"0oa9","signing":{"rotationMode":"AUTO"}})
    );
    let refused = acme.post(&hub, bad_token).await.json();
    assert_eq!(refused["errorSummary"], "Api validation failed: credential");
    assert_eq!(
        refused["errorCauses"][0]["errorSummary"],
        "Verification failed: Invalid URL. Not authorized."
    );
    let shown = acme.get(&hub).await.json();
    assert_eq!(shown["status"], "ENABLED", "a refused POST changes nothing");
}

#[tokio::test]
async fn an_unsupported_app_says_yes_to_everything_and_means_nothing() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let path = connection("0oabookmark");
    let unknown = json!({"status":"UNKNOWN","profile":{"authScheme":"UNKNOWN"}});
    let before = sandbox.state("acme").unwrap();
    assert_eq!(acme.get(&path).await.json(), unknown);
    for body in [r#"{"profile":{"authScheme":"UNKNOWN"}}"#, TOKEN, OAUTH2] {
        for query in ["", "?activate=true"] {
            let reply = acme.post(&format!("{path}{query}"), body).await;
            assert_eq!((reply.status, reply.json()), (200, unknown.clone()));
        }
    }
    let features = "/api/v1/apps/0oabookmark/features".to_owned();
    expect(
        &acme,
        &[
            ("POST", format!("{path}/lifecycle/activate"), "", "204"),
            ("POST", format!("{path}/lifecycle/deactivate"), "", "204"),
            ("GET", features.clone(), "", "400 E0000001"),
            (
                "GET",
                format!("{features}/USER_PROVISIONING"),
                "",
                "400 E0000001",
            ),
            (
                "PUT",
                format!("{features}/USER_PROVISIONING"),
                "{}",
                "400 E0000001",
            ),
            (
                "PUT",
                format!("{features}/USER_PROVISIONING"),
                "",
                "400 E0000003",
            ),
        ],
    )
    .await;
    let refused = acme.get(&features).await.json();
    assert_eq!(refused["errorSummary"], "Api validation failed: feature");
    assert_eq!(
        refused["errorCauses"][0]["errorSummary"],
        "Provisioning is not supported."
    );
    assert_eq!(sandbox.state("acme").unwrap(), before);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of requests")]
async fn features_open_with_the_connection() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let path = connection("0oahub");
    let features = "/api/v1/apps/0oahub/features";
    let user = format!("{features}/USER_PROVISIONING");
    let gone = "/api/v1/apps/0oagone/features";
    expect(
        &acme,
        &[
            ("GET", features.to_owned(), "", "400 E0000001"),
            ("GET", user.clone(), "", "400 E0000001"),
            ("PUT", user.clone(), "{}", "400 E0000001"),
            ("PUT", user.clone(), "", "400 E0000003"),
            ("GET", gone.to_owned(), "", "404 E0000007"),
            ("GET", format!("{gone}/NO_SUCH"), "", "404 E0000007"),
            ("GET", format!("{features}/NO_SUCH"), "", "404 E0000007"),
            ("PUT", format!("{features}/NO_SUCH"), "", "404 E0000007"),
            ("POST", format!("{path}?activate=true"), TOKEN, "200"),
            (
                "PUT",
                user.clone(),
                r#"{"update":{"password":{"change":"CYCLE"}}}"#,
                "400 E0000001",
            ),
            (
                "PUT",
                user.clone(),
                r#"{"create":{"lifecycleCreate":{"status":"ENABLED"}}}"#,
                "200",
            ),
        ],
    )
    .await;
    let refused = acme.get(&format!("{features}/NO_SUCH")).await.json();
    assert_eq!(
        refused["errorSummary"],
        "Not found: Resource not found: INVALID_FEATURE_TYPE (PublicAppFeatureSetName)"
    );
    let list = acme.get(features).await.json();
    let names: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["name"])
        .collect();
    assert_eq!(names, ["USER_PROVISIONING", "INBOUND_PROVISIONING"]);
    assert_eq!(
        list[0]["capabilities"]["create"]["lifecycleCreate"]["status"],
        "ENABLED"
    );
    let off = acme
        .put(
            &user,
            r#"{"create":{"lifecycleCreate":{"status":"DISABLED"}}}"#,
        )
        .await;
    assert_eq!(
        off.json()["status"],
        "ENABLED",
        "does not mirror the capabilities"
    );

    let zscaler = connection("0oazscaler");
    let body = r#"{"baseUrl":"https://s.example","profile":{"authScheme":"TOKEN","token":"t"}}"#;
    acme.post(&format!("{zscaler}?activate=true"), body).await;
    let list = acme.get("/api/v1/apps/0oazscaler/features").await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    expect(
        &acme,
        &[
            (
                "GET",
                "/api/v1/apps/0oazscaler/features/INBOUND_PROVISIONING".to_owned(),
                "",
                "400 E0000001",
            ),
            ("POST", format!("{path}/lifecycle/deactivate"), "", "204"),
            ("GET", user, "", "400 E0000001"),
        ],
    )
    .await;
    let closed = acme.get(features).await.json();
    assert_eq!(
        closed["errorCauses"][0]["errorSummary"],
        "Provisioning is not enabled for the app instance."
    );
}

/// Posts a three-legged connection and gives its consent link.
async fn link(org: &Org, id: &str) -> String {
    let set = org.post(&connection(id), OAUTH2).await.json();
    assert_eq!(set["status"], "DISABLED");
    set["_links"]["authorize"]["href"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Path and query of the call that an approved link leads to.
async fn continued(sandbox: &okta_rollout::sandbox::Sandbox, link: &str) -> String {
    let page: Value = serde_json::from_str(&sandbox.approve(link).await.unwrap()).unwrap();
    assert_eq!(page["continue_oauth_flow_url"]["method"], "POST");
    let href = page["continue_oauth_flow_url"]["href"].as_str().unwrap();
    let url = url::Url::parse(href).unwrap();
    format!("{}?{}", url.path(), url.query().unwrap())
}

#[tokio::test]
async fn a_consent_is_good_once() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let first = link(&acme, "0oagoogle").await;
    let pairs: Vec<_> = url::Url::parse(&first)
        .unwrap()
        .query_pairs()
        .map(|(key, _)| key.into_owned())
        .collect();
    assert_eq!(
        pairs,
        [
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "state"
        ]
    );
    let shown = acme.get(&connection("0oagoogle")).await.json();
    assert_eq!(shown["_links"]["authorize"]["href"], first.as_str());

    let second = link(&acme, "0oagoogle").await;
    assert_ne!(first, second);
    let stale = continued(&sandbox, &first).await;
    let good = continued(&sandbox, &second).await;
    let activate = format!("{}/lifecycle/activate", connection("0oagoogle"));
    expect(
        &acme,
        &[
            ("POST", stale.clone(), "", "400 E0000001"),
            (
                "POST",
                good.replace("0oagoogle", "0oaslack"),
                "",
                "404 E0000007",
            ),
            (
                "POST",
                good.replace("/google/0oagoogle", "/slack/0oaslack"),
                "",
                "400 E0000001",
            ),
            ("POST", good.replace("code=", "code=x"), "", "400 E0000001"),
            (
                "POST",
                good.split('?').next().unwrap().to_owned(),
                "",
                "400 E0000001",
            ),
            ("POST", activate.clone(), "", "400 E0000001"),
            ("POST", good.clone(), "", "204"),
            ("POST", good, "", "400 E0000001"),
            ("POST", activate, "", "204"),
        ],
    )
    .await;
    let shown = acme.get(&connection("0oagoogle")).await.json();
    assert_eq!(shown["status"], "ENABLED");
    assert!(shown["_links"]["authorize"].is_null());
    let again = link(&acme, "0oagoogle").await;
    assert_ne!(again, second, "a new post costs the consent");
}

#[tokio::test]
async fn the_open_questions_of_consents_are_switches() {
    let table = "[assume]\nrepostKeepsLinks=true\nrepostKeepsEnabled=true\nauthorizeOnlyOnPost=true\nbadStateStatus='404'";
    let sandbox = orgs(settings(table)).await;
    let acme = Org::of(&sandbox, "acme");
    let first = link(&acme, "0oaslack").await;
    link(&acme, "0oaslack").await;
    let shown = acme.get(&connection("0oaslack")).await.json();
    assert!(shown["_links"]["authorize"].is_null());
    let good = continued(&sandbox, &first).await;
    let activate = format!("{}/lifecycle/activate", connection("0oaslack"));
    expect(
        &acme,
        &[
            ("POST", good.clone(), "", "204"),
            ("POST", good, "", "404 E0000007"),
            ("POST", activate, "", "204"),
        ],
    )
    .await;
    let set = acme.post(&connection("0oaslack"), OAUTH2).await.json();
    assert_eq!(set["status"], "ENABLED");

    let sandbox = orgs(settings("[assume]\nstateTtl='0s'\nbadStateStatus='403'")).await;
    let acme = Org::of(&sandbox, "acme");
    let set = acme.post(&connection("0oaslack"), OAUTH2).await.json();
    assert!(
        set["_links"]["authorize"].is_null(),
        "an expired link is not shown"
    );
    let refused = acme
        .post(
            "/api/v1/apps/slack/0oaslack/oauth2/callback?code=a&state=b",
            "",
        )
        .await;
    assert_eq!(refused.outcome(), "403 E0000006");
}

#[tokio::test]
async fn apps_are_listed_in_pages() {
    let sandbox = orgs(settings("orgs=1\napps=45")).await;
    let org = Org::of(&sandbox, "org-0001");
    let mut path = "/api/v1/apps".to_owned();
    let mut sizes = Vec::new();
    let mut labels = Vec::new();
    loop {
        let page = org.get(&path).await;
        let apps = page.json();
        sizes.push(apps.as_array().unwrap().len());
        labels.extend(
            apps.as_array()
                .unwrap()
                .iter()
                .map(|app| app["label"].to_string()),
        );
        let links: Vec<_> = page
            .headers
            .get_all("link")
            .iter()
            .map(|link| link.to_str().unwrap().to_owned())
            .collect();
        assert!(links[0].ends_with("rel=\"self\""), "{links:?}");
        let Some(next) = links.iter().find(|link| link.ends_with("; rel=\"next\"")) else {
            break;
        };
        let url = next.split(['<', '>']).nth(1).unwrap();
        assert!(url.starts_with(&format!("http://{}/", org.host)), "{url}");
        path = url.split_once(&org.host).unwrap().1.to_owned();
    }
    assert_eq!(sizes, [20, 20, 5]);
    labels.sort();
    labels.dedup();
    assert_eq!(labels.len(), 45);

    let all = org
        .get("/api/v1/apps?limit=200&filter=name%20eq%20%22google%22")
        .await;
    assert_eq!(all.json().as_array().unwrap().len(), 8);
    assert_eq!(all.headers.get_all("link").iter().count(), 1);
    let some = org.get("/api/v1/apps?q=ZOOM&limit=3").await;
    assert_eq!(some.json().as_array().unwrap().len(), 3);
    assert_eq!(some.json()[0]["label"], "Zoom 0004");
    assert_eq!(some.json()[0]["name"], "zoomus");
    let path = |query: &str| format!("/api/v1/apps?{query}");
    expect(
        &org,
        &[
            ("GET", path("limit=201"), "", "400 E0000001"),
            ("GET", path("limit=0"), "", "400 E0000001"),
            ("GET", path("limit=-1"), "", "200"),
            ("GET", path("limit=many"), "", "400 E0000037"),
            ("GET", path("after=nobody"), "", "400 E0000029"),
            (
                "GET",
                path("filter=label%20eq%20%22x%22"),
                "",
                "400 E0000031",
            ),
            ("GET", path("expand=user/1,group/2"), "", "400 E0000001"),
        ],
    )
    .await;
}

#[tokio::test]
async fn apps_are_created_with_what_they_need() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let apps = || "/api/v1/apps".to_owned();
    expect(
        &acme,
        &[
            ("POST", apps(), "", "400 E0000003"),
            ("POST", apps(), r#"{"label":"x"}"#, "400 E0000001"),
            ("POST", apps(), r#"{"name":"google"}"#, "400 E0000001"),
            ("POST", apps(), r#"{"name":"google","label":"x"}"#, "400 E0000001"),
            ("POST", apps(), r#"{"name":"google","label":"x","settings":{"app":{}}}"#, "400 E0000001"),
            ("POST", apps(), r#"{"name":"office365","label":"x","settings":{"app":{"domain":"d"}}}"#, "400 E0000001"),
            ("POST", apps(), r#"{"name":"slack","label":"x","settings":{"app":{"domain":5}}}"#, "400 E0000003"),
            ("POST", apps(), r#"{"name":"zoomus","label":"x","signOnMode":"BROWSER_PLUGIN","settings":{"app":{"subDomain":"d"}}}"#, "400 E0000001"),
            ("POST", apps(), r#"{"name":"zscalerbyz","label":"x"}"#, "400 E0000001"),
            ("POST", apps(), r#"{"name":"zscalerbyz","label":"🙂","settings":{}}"#, "400 E0000001"),
            ("POST", apps(), r#"{"name":"zscalerbyz","label":"Z","settings":{}}"#, "200"),
            ("POST", apps(), r#"{"name":"zscalerbyz","label":"Z","settings":{}}"#, "200"),
        ],
    )
    .await;
    let body = r#"{"name":"okta_org2org","label":"To the hub","settings":{"app":{"baseUrl":"https://hub.okta.com","token":"s3cr3t"}}}"#;
    let made = acme.post("/api/v1/apps?activate=false", body).await;
    assert_eq!(made.status, 200);
    assert!(!made.text.contains("s3cr3t"));
    let made = made.json();
    assert_eq!(made["status"], "INACTIVE");
    assert_eq!(made["signOnMode"], "SAML_2_0");
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("0oa") && id.len() == 20, "{id}");
    assert_eq!(acme.get(&format!("/api/v1/apps/{id}")).await.json(), made);
    let beta = Org::of(&sandbox, "beta");
    expect(
        &beta,
        &[("GET", format!("/api/v1/apps/{id}"), "", "404 E0000007")],
    )
    .await;
}

#[tokio::test]
async fn features_switch_on_the_apps_own_list() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    acme.post(&format!("{}?activate=true", connection("0oahub")), TOKEN)
        .await;
    acme.put(
        "/api/v1/apps/0oahub/features/USER_PROVISIONING",
        r#"{"create":{"lifecycleCreate":{"status":"ENABLED"}},"update":{"password":{"status":"ENABLED"}}}"#,
    )
    .await;
    let app = acme.get("/api/v1/apps/0oahub").await.json();
    assert_eq!(
        app["features"],
        json!(["PUSH_NEW_USERS", "PUSH_PASSWORD_UPDATES"])
    );
}

#[tokio::test]
async fn what_is_not_an_operation_is_refused_in_oktas_shape() {
    let sandbox = orgs(settings("")).await;
    let acme = Org::of(&sandbox, "acme");
    let path = connection("0oahub");
    expect(
        &acme,
        &[
            ("GET", "/api/v1/nothing".to_owned(), "", "404 E0000008"),
            ("GET", "/".to_owned(), "", "404 E0000008"),
            ("PUT", path.clone(), TOKEN, "405 E0000022"),
            ("DELETE", "/api/v1/apps".to_owned(), "", "405 E0000022"),
            (
                "GET",
                format!("{path}/lifecycle/activate"),
                "",
                "405 E0000022",
            ),
        ],
    )
    .await;
    let mut other = acme.clone();
    other.host = "nobody.localhost".to_owned();
    assert_eq!(other.get("/api/v1/apps").await.outcome(), "404 E0000008");
    let plain = acme.request(reqwest::Method::POST, &path).body(TOKEN);
    assert_eq!(acme.send(plain).await.unwrap().outcome(), "400 E0000019");
    let text = acme
        .request(reqwest::Method::POST, &path)
        .header("content-type", "text/plain")
        .body(TOKEN);
    assert_eq!(acme.send(text).await.unwrap().outcome(), "400 E0000021");
    let xml = acme
        .http
        .get(format!("{}{path}", acme.base))
        .header("host", &acme.host)
        .header("authorization", &acme.authorization)
        .header("accept", "application/xml");
    assert_eq!(acme.send(xml).await.unwrap().outcome(), "400 E0000021");
}
