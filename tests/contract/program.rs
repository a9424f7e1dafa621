//! Every request the program can send is one Okta describes, with the headers Okta asks for, and so is
//! every answer it gets: a proxy between the program and simulated orgs listens to whole rollouts.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::Exchange;
use crate::manifests;
use crate::okta_docs::OktaDocs;
use crate::rollout::Rollout;

/// What the program sends, by kind, and the statuses its answers had here.
const SENT: &[(&str, &[u16])] = &[
    ("GET /api/v1/apps?limit", &[200]),
    ("GET /api/v1/apps?after&limit", &[200]),
    ("GET /api/v1/apps?filter&limit", &[200]),
    ("GET /api/v1/apps?after&filter&limit", &[200]),
    ("POST /api/v1/apps?activate", &[200, 400]),
    ("GET /api/v1/apps/{appId}", &[200, 404]),
    ("GET /api/v1/apps/{appId}/connections/default", &[200, 401]),
    (
        "POST /api/v1/apps/{appId}/connections/default?activate TOKEN baseUrl profile.token",
        &[200],
    ),
    (
        "POST /api/v1/apps/{appId}/connections/default?activate TOKEN profile.token",
        &[200, 400],
    ),
    (
        "POST /api/v1/apps/{appId}/connections/default?activate OAUTH2 profile.clientId",
        &[200],
    ),
    (
        "POST /api/v1/apps/{appId}/connections/default?activate OAUTH2 profile.clientId profile.signing.rotationMode",
        &[200],
    ),
    (
        "POST /api/v1/apps/{appId}/connections/default OAUTH2",
        &[200, 400],
    ),
    (
        "POST /api/v1/apps/{appId}/connections/default OAUTH2 profile.settings.adminPassword profile.settings.adminUsername",
        &[200],
    ),
    (
        "POST /api/v1/apps/{appId}/connections/default/lifecycle/activate",
        &[204],
    ),
    (
        "POST /api/v1/apps/{appId}/connections/default/lifecycle/deactivate",
        &[204],
    ),
    (
        "POST /api/v1/apps/{appName}/{appId}/oauth2/callback?code&state",
        &[204, 400],
    ),
    ("GET /api/v1/apps/{appId}/features", &[200, 400]),
    ("GET /api/v1/apps/{appId}/features/{featureName}", &[200]),
    ("PUT /api/v1/apps/{appId}/features/{featureName}", &[200]),
    ("GET /oauth2/v1/clients?limit", &[200]),
    ("GET /oauth2/v1/clients?after&limit", &[200]),
    ("POST /oauth2/v1/clients", &[201]),
    ("GET /oauth2/v1/clients/{clientId}", &[200]),
    ("PUT /oauth2/v1/clients/{clientId}", &[200]),
    ("GET /oauth2/v1/clients/{clientId}/roles", &[200]),
    ("POST /oauth2/v1/clients/{clientId}/roles", &[201]),
    ("GET /api/v1/apps/{appId}/grants", &[200]),
    ("POST /api/v1/apps/{appId}/grants", &[201]),
    ("PUT /api/v1/apps/{appId}", &[200]),
    ("GET /api/v1/apps/{appId}/credentials/keys", &[200]),
    (
        "POST /api/v1/apps/{appId}/credentials/keys/generate?validityYears",
        &[201],
    ),
    ("GET /api/v1/idps?limit&type", &[200]),
    ("POST /api/v1/idps", &[200]),
    ("GET /api/v1/idps/{idpId}", &[200]),
    ("PUT /api/v1/idps/{idpId}", &[200]),
];

/// Operations of the description the program never uses, and why.
const NEVER_SENT: &[(&str, &str)] = &[
    ("DELETE /api/v1/apps/{appId}", "the program deletes nothing"),
    (
        "GET /api/v1/apps/{appId}/connections/default/jwks",
        "the hub fetches the keys, not the program",
    ),
];

/// Where an exchange is not as Okta describes it: operation, finding, why.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    (
        "POST /api/v1/apps?activate",
        r#"request: /signOnMode: "SECURE_PASSWORD_STORE" is not one of "BROWSER_PLUGIN" or "SAML_2_0""#,
        "which modes an integration takes has changed before, so that a manifest with another one is \
         Okta's to refuse",
    ),
    (
        "PUT /api/v1/apps/{appId}",
        "request: /settings/app: field is not described",
        "Okta's own examples show it of such an app, and what a PUT leaves out is gone",
    ),
    (
        "PUT /api/v1/idps/{idpId}",
        "request: /protocol/credentials/signing/algorithm: field is not described",
        "Okta's guide to Org2Org has it in its example of this request",
    ),
    (
        "PUT /oauth2/v1/clients/{clientId}",
        "request: /client_uri: field is not described",
        "Okta shows it, its own example of this request has it, and what a PUT leaves out is gone",
    ),
];

#[tokio::test]
async fn every_request_and_answer_of_whole_rollouts_is_one_okta_describes() {
    let docs = OktaDocs::open();
    let rollout = Rollout::begin().await;
    let mut exchanges = set_up(&rollout).await;
    exchanges.extend(nothing_to_do(&rollout).await);
    exchanges.extend(rotated(&rollout).await);
    rollout.run("off.json", &manifests::switched_off(), 0).await;
    let refused = rollout.run("refused.json", &manifests::refused(), 3).await;
    assert_eq!(refused["totals"]["failed"], 6, "{refused:#}");
    assert_eq!(refused["totals"]["pending"], 1, "{refused:#}");
    exchanges.extend(rollout.exchanges());

    assert_eq!(mistaken_headers(&rollout, &exchanges), BTreeSet::new());
    let found: BTreeSet<_> = exchanges
        .iter()
        .flat_map(|exchange| {
            let kind = exchange.kind(&docs);
            let findings = exchange.findings(&docs);
            findings
                .into_iter()
                .map(move |finding| format!("{kind}: {finding}"))
        })
        .collect();
    let listed = DEVIATIONS
        .iter()
        .map(|(kind, finding, _)| format!("{kind}: {finding}"))
        .collect();
    assert_eq!(found, listed, "deviations found, and listed with reasons");
    let sent = kinds(&docs, &exchanges);
    let expected: BTreeMap<_, _> = SENT
        .iter()
        .map(|(kind, statuses)| ((*kind).to_owned(), statuses.iter().copied().collect()))
        .collect();
    assert_eq!(sent, expected);
    assert_eq!(used_or_not(&docs, &exchanges), docs.operations());
}

/// The whole way, with a consent that Okta refuses at first.
async fn set_up(rollout: &Rollout) -> Vec<Exchange> {
    let begun = rollout.run("all.json", &manifests::all_there_is(), 4).await;
    assert_eq!(begun["totals"]["waiting"], 4, "{begun:#}");
    let mut pages = rollout.approve_all().await;
    for (app, page) in &mut pages {
        if app == "office365" {
            *page = page.replace("code=", "code=not-");
        }
    }
    // Three are accepted, one is refused and gets a fresh link.
    rollout
        .fed(&["consent", "complete"], &joined(&pages), 3)
        .await;
    let pages = rollout.approve_all().await;
    assert_eq!(pages.len(), 1);
    rollout
        .fed(&["consent", "complete"], &joined(&pages), 0)
        .await;
    let resumed = rollout.told(&["resume", "--format", "json"], 0).await;
    assert_eq!(resumed["totals"]["changed"], 14, "{resumed:#}");
    rollout.exchanges()
}

fn joined(pages: &[(String, String)]) -> String {
    let pages: Vec<_> = pages.iter().map(|(_, page)| page.as_str()).collect();
    pages.join("\n")
}

/// The same again: all is right already, and only looked at.
async fn nothing_to_do(rollout: &Rollout) -> Vec<Exchange> {
    let again = rollout.run("all.json", &manifests::all_there_is(), 0).await;
    assert_eq!(again["totals"]["unchanged"], 14, "{again:#}");
    let exchanges = rollout.exchanges();
    assert!(exchanges.iter().all(|exchange| exchange.method == "GET"));
    exchanges
}

/// A new key for the connection whose keys Okta does not rotate.
async fn rotated(rollout: &Rollout) -> Vec<Exchange> {
    let rotate = [
        "rotate-keys",
        "all.json",
        "--orgs",
        "orgs.json",
        "--format",
        "json",
    ];
    let rotated = rollout.told(&rotate, 0).await;
    assert_eq!(rotated["totals"]["changed"], 1, "{rotated:#}");
    rollout.exchanges()
}

fn mistaken_headers(rollout: &Rollout, exchanges: &[Exchange]) -> BTreeSet<String> {
    let mistakes = exchanges.iter().flat_map(|exchange| {
        let (host, authorization) = rollout.meant(exchange);
        exchange.header_mistakes(&host, &authorization)
    });
    mistakes.collect()
}

fn kinds(docs: &OktaDocs, exchanges: &[Exchange]) -> BTreeMap<String, BTreeSet<u16>> {
    let mut kinds: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for exchange in exchanges {
        let statuses = kinds.entry(exchange.kind(docs)).or_default();
        statuses.insert(exchange.status);
    }
    kinds
}

/// Every operation that was seen or is known not to be used, sorted; one of both is there twice.
fn used_or_not(docs: &OktaDocs, exchanges: &[Exchange]) -> Vec<String> {
    let used: BTreeSet<_> = exchanges
        .iter()
        .filter_map(|exchange| docs.operation_of(&exchange.method, &exchange.path))
        .collect();
    let never = NEVER_SENT
        .iter()
        .map(|(operation, _)| (*operation).to_owned());
    let mut all: Vec<_> = used.into_iter().chain(never).collect();
    all.sort();
    all
}
