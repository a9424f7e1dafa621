//! Mistakes in manifests and orgs files: each is found, all at once, with its place and a way out, and
//! never with a secret in it.

#[path = "support/checked.rs"]
mod checked;

use std::fmt::Write;

use checked::{NO_SECRETS, ORGS, check_files};
use okta_rollout::manifest::{CheckOptions, Source, check, read_orgs};
use tempfile::TempDir;

fn csv(content: &str) -> Vec<String> {
    csv_bytes(content.as_bytes())
}

fn csv_bytes(content: &[u8]) -> Vec<String> {
    let files = [("m.csv", content), ("orgs.csv", ORGS.as_bytes())];
    check_files(&files, NO_SECRETS).expect("readable").problems
}

fn json(content: &str) -> Vec<String> {
    check_files(&[("m.json", content.as_bytes())], NO_SECRETS)
        .expect("readable")
        .problems
}

/// One entry inside a JSON manifest with the org acme.
fn entry(content: &str) -> Vec<String> {
    json(&format!(
        r#"{{"orgs":{{"acme":{{"url":"sandbox"}},"hub":{{"url":"sandbox"}}}},"apps":[
{content}
]}}"#
    ))
}

#[test]
fn all_mistakes_of_a_csv_at_once() {
    let problems = csv(concat!(
        "org,app,appId,label,connection.profile.authScheme,connection.profile.tokn,conection.baseUrl\n",
        "acme,gogle,0oa1,,OAUTH2,,\n",
        "acme,google,0oa2,both,OAUTH2,,\n",
        "\n",
        "acme,google,,,OAUTH,,\n",
        "acmee,slack,0oa3,,TOKEN,,\n",
        ",,,,,,\n",
        "acme,slack,0oa/4,,OAUTH2,,\n",
        "acme,slack,\"0oa\n5\",,OAUTH2,,\n",
        "acme,google,0oa6\n",
        "acme,google,0oa2,,OAUTH2,,\n",
    ));
    assert_eq!(
        problems,
        [
            "m.csv:1: row 1, connection.profile.tokn: unknown column | did you mean connection.profile.token? a column for people begins with $: write $connection.profile.tokn",
            "m.csv:1: row 1, conection.baseUrl: unknown column | did you mean connection.baseUrl? a column for people begins with $: write $conection.baseUrl",
            "m.csv:2: row 2, app: `gogle` is not one of google, office365, okta_org2org, slack, zoomus or zscalerbyz | did you mean google?",
            "m.csv:3: row 3, label: stands beside appId | give appId or label, not both: appId is exact, label is looked up",
            "m.csv:5: row 4, connection.profile.authScheme: `OAUTH` is not one of TOKEN or OAUTH2 | did you mean OAUTH2?",
            "m.csv:5: row 4, appId: is required, or label",
            "m.csv:6: row 5, connection.profile.authScheme: slack does not have TOKEN | slack takes OAUTH2",
            "m.csv:6: row 5, org: unknown org `acmee` | did you mean acme?",
            "m.csv:8: row 7, appId: `0oa/4` is not an id | an app's id looks like 0oa1gjh63g214q0Hq0g4; for a name use label",
            "m.csv:9: row 8, appId: contains a control character or line break: U+000A (line feed)",
            "m.csv:11: row 9: has 3 cells, the header has 7 | a cell that contains a comma needs quotes around it",
            "m.csv:12: row 10, appId: is the same app in the same org as row 3 | keep one of the two",
        ]
    );
}

#[test]
fn all_mistakes_of_a_json_at_once() {
    let problems = json(
        r#"{
  "orgs": { "acme": { "url": "sandbox" } },
  "default": {},
  "apps": [
    { "org": "acme", "app": "google", "appId": "0oa1",
      "connection": { "profile": { "authScheme": "OAUTH2", "clientid": "x" } },
      "features": { "INBOUND_PROVISIONING": { "importSettings": {
        "username": { "usernameFormat": "EMAIL" },
        "schedule": { "fullImport": { "expression": "0 25 * * *", "timeZone": "UTC" } } } },
        "USER_PROVISIONING": { "update": { "password": { "change": "CYCLE", "status": true } } } } },
    { "org": "acme", "app": "google", "label": "", "connection": null },
    17
  ]
}"#,
    );
    assert_eq!(
        problems,
        [
            "m.json:3:3: default: unknown key | did you mean defaults? a key for people begins with $: write $default",
            "m.json:6:60: row 1, connection.profile.clientid: unknown key | did you mean clientId? a key for people begins with $: write $clientid",
            "m.json:8:23: row 1, features.INBOUND_PROVISIONING.importSettings.username.usernameFormat: unknown key | Okta's schema writes usernameFormat, its API takes userNameFormat: write userNameFormat",
            "m.json:9:39: row 1, features.INBOUND_PROVISIONING.importSettings.schedule.fullImport.expression: `0 25 * * *` is no cron expression: number out of bounds",
            "m.json:9:67: row 1, features.INBOUND_PROVISIONING.importSettings.schedule.fullImport.timeZone: unknown key | Okta's guide writes timeZone, its API takes timezone: write timezone",
            "m.json:10:68: row 1, features.USER_PROVISIONING.update.password.change: `CYCLE` is not one of CHANGE or KEEP_EXISTING | CYCLE stands in Okta's guide but not in its API: write CHANGE or KEEP_EXISTING",
            "m.json:10:87: row 1, features.USER_PROVISIONING.update.password.status: expects a text, not true or false",
            "m.json:11:5: row 2, appId: is required, or label",
            "m.json:11:48: row 2, label: is empty | fill it in or leave it out",
            "m.json:11:66: row 2, connection: expects an object, not null",
            "m.json:12:5: row 3: expects an object, not a number",
        ]
    );
}

#[test]
fn what_an_app_and_scheme_allow() {
    for (content, expected) in [
        (
            r#"{"org":"acme","app":"zscalerbyz","appId":"1","connection":{"profile":{"authScheme":"TOKEN","token":"env:T"}}}"#,
            &[
                "m.json:2:46: row 1, connection.baseUrl: is required for zscalerbyz | as in https://scim.zscalerbeta.net/1/2/scim",
            ][..],
        ),
        (
            r#"{"org":"acme","app":"zscalerbyz","appId":"1","connection":{"baseUrl":"http://scim.example.com","profile":{"authScheme":"TOKEN"}},"features":{"INBOUND_PROVISIONING":{"importRules":{"userCreateAndMatch":{"allowPartialMatch":true}}}}}"#,
            &[
                "m.json:2:60: row 1, connection.baseUrl: must be https; plain http is only for loopback addresses | write https://scim.example.com",
                "m.json:2:96: row 1, connection.profile.token: is required with TOKEN | give a reference: env:NAME, file:PATH or exec:PROGRAM",
                "m.json:2:142: row 1, features.INBOUND_PROVISIONING: zscalerbyz does not have INBOUND_PROVISIONING",
            ],
        ),
        (
            r#"{"org":"acme","app":"google","appId":"1","connection":{"baseUrl":"https://x.y","profile":{"authScheme":"OAUTH2","token":"env:T","clientId":"c","signing":{"rotationMode":"AUTO"},"settings":{"adminUsername":"a"}}}}"#,
            &[
                "m.json:2:56: row 1, connection.baseUrl: does not go with google and OAUTH2 | leave it out",
                "m.json:2:113: row 1, connection.profile.token: does not go with google and OAUTH2 | leave it out",
                "m.json:2:129: row 1, connection.profile.clientId: does not go with google and OAUTH2 | leave it out",
                "m.json:2:144: row 1, connection.profile.signing: does not go with google and OAUTH2 | leave it out",
                "m.json:2:178: row 1, connection.profile.settings: does not go with google and OAUTH2 | leave it out",
            ],
        ),
        (
            r#"{"org":"acme","app":"office365","appId":"1","connection":{"profile":{"authScheme":"OAUTH2","settings":{"adminUsername":"a"}}}}"#,
            &[
                "m.json:2:92: row 1, connection.profile.settings.adminPassword: is required beside adminUsername | give a reference: env:NAME, file:PATH or exec:PROGRAM",
            ],
        ),
        (
            r#"{"org":"acme","app":"office365","appId":"1","connection":{"profile":{"authScheme":"OAUTH2","settings":{"adminPassword":"env:P"}}}}"#,
            &[
                "m.json:2:92: row 1, connection.profile.settings.adminUsername: is required beside adminPassword",
            ],
        ),
        (
            r#"{"org":"acme","app":"office365","appId":"1","connection":{"profile":{"authScheme":"OAUTH2","settings":{"adminUsername":"Bearer a@b.c","adminPassword":"env:P"}}}}"#,
            &[
                "m.json:2:104: row 1, connection.profile.settings.adminUsername: begins with the word Bearer, which is not part of a secret | store the bare token: okta-rollout adds what a header needs",
            ],
        ),
        (
            r#"{"org":"acme","app":"office365","appId":"1","connection":{"profile":{"authScheme":"OAUTH2","settings":{"adminUsername":"\"a@b.c\"","adminPassword":"env:P"}}}}"#,
            &[
                "m.json:2:104: row 1, connection.profile.settings.adminUsername: has quotes around it | store it without quotes",
            ],
        ),
    ] {
        assert_eq!(entry(content), expected, "{content}");
    }
}

#[test]
fn what_goes_with_hub_create_and_status() {
    for (content, expected) in [
        (
            r#"{"org":"acme","app":"okta_org2org","appId":"1","connection":{"profile":{"authScheme":"OAUTH2"}}}"#,
            &[
                "m.json:2:62: row 1, connection.profile.clientId: is required for okta_org2org with OAUTH2 | give the clientId of the hub's service app, or a hub to set one up in",
            ][..],
        ),
        (
            r#"{"org":"acme","app":"okta_org2org","appId":"1","hub":{"org":"hubb","clientName":"c"},"connection":{"profile":{"authScheme":"OAUTH2"}}}"#,
            &["m.json:2:55: row 1, hub.org: unknown org `hubb` | did you mean hub?"],
        ),
        (
            r#"{"org":"acme","app":"okta_org2org","appId":"1","hub":{"org":"hub","clientName":"c"},"connection":{"profile":{"authScheme":"OAUTH2"}}}"#,
            &[],
        ),
        (
            r#"{"org":"acme","app":"okta_org2org","label":"L","create":{"signOnMode":"SAML_2_0","settings":{"app":{"baseUrl":"https://h.okta.com"}}},"hub":{"org":"hub","clientName":"c","idp":{"nam":"x"}},"connection":{"profile":{"authScheme":"OAUTH2"}}}"#,
            &[
                "m.json:2:171: row 1, hub.idp: goes only with create.signOnMode OPENID_CONNECT | create the app with signOnMode OPENID_CONNECT, or leave hub.idp out",
                "m.json:2:178: row 1, hub.idp.nam: unknown key | did you mean name? a key for people begins with $: write $nam",
            ],
        ),
        (
            r#"{"org":"acme","app":"okta_org2org","appId":"1","hub":{"org":"hub","clientName":"c","idp":{"name":"people"}},"connection":{"profile":{"authScheme":"OAUTH2"}}}"#,
            &[],
        ),
        (
            r#"{"org":"acme","app":"google","appId":"1","status":"DISABLED","features":{"USER_PROVISIONING":{"update":{"profile":{"status":"ENABLED"}}}}}"#,
            &[
                "m.json:2:62: row 1, features: does not go with status DISABLED, which only deactivates | leave features out, or leave status out",
            ],
        ),
        (
            r#"{"org":"acme","app":"google","appId":"1","create":{"settings":{"app":{"domain":"x"}}},"connection":{"profile":{"authScheme":"OAUTH2"}}}"#,
            &[
                "m.json:2:42: row 1, create: stands beside appId: that app exists already | give label instead of appId, or leave create out",
            ],
        ),
        (
            r#"{"org":"acme","app":"office365","label":"O","create":{"settings":{"app":{"domain":"x","msftTennant":"t"}}},"connection":{"profile":{"authScheme":"OAUTH2"}}}"#,
            &[
                "m.json:2:67: row 1, create.settings.app.msftTenant: is required to create office365 | is msftTennant meant to be msftTenant?",
            ],
        ),
        (
            r#"{"org":"acme","app":"okta_org2org","label":"O","create":{"settings":{"app":{"baseUrl":"https://x.y","token":"hunter2"}}},"connection":{"profile":{"authScheme":"TOKEN","token":"env:T"}}}"#,
            &[
                "m.json:2:101: row 1, create.settings.app.token: is a secret and does not belong here | credentials are given in connection.profile, as references",
            ],
        ),
        (
            r#"{"org":"acme","app":"google","appId":"1","features":{"USER_PROVISIONING":{}}}"#,
            &[
                "m.json:2:74: row 1, features.USER_PROVISIONING: is an empty object | leave it out or fill it in",
            ],
        ),
        (
            r#"{"org":"acme","app":"google","appId":"1","org":"acme","connection":{"profile":{"authScheme":"OAUTH2"}}}"#,
            &["m.json:2:42: row 1, org: is given twice"],
        ),
    ] {
        assert_eq!(entry(content), expected, "{content}");
    }
}

#[test]
fn secrets_are_never_shown() {
    const VALUE: &str = "00hunter2-a-real-secret";
    let manifests = [
        format!(
            "org,app,appId,connection.baseUrl,connection.profile.authScheme,connection.profile.token\nacme,zscalerbyz,1,https://x.y/scim,TOKEN,{VALUE}\n"
        ),
        format!(
            "org,app,appId,connection.profile.authScheme,connection.profile.settings.adminUsername,connection.profile.settings.adminPassword\nacme,office365,1,OAUTH2,me,{VALUE}\n"
        ),
        format!(
            "org,app,appId,connection.baseUrl,connection.profile.authScheme,connection.profile.token\nacme,zscalerbyz,1,https://x.y/scim,TOKEN,env:{VALUE}\n"
        ),
    ];
    for manifest in manifests {
        let problems = csv(&manifest);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(!problems[0].contains("hunter2"), "{problems:?}");
    }
    for (org, message) in [
        (
            format!(r#"{{"url":"https://a.okta.com","auth":{{"apiToken":"{VALUE}"}}}}"#),
            "never as a value",
        ),
        (
            format!(r#"{{"url":"https://a.okta.com","auth":{{"apiToken":["{VALUE}"]}}}}"#),
            "not a list",
        ),
        (
            format!(r#"{{"url":"https://a.okta.com","auth":{{"accessToken":{{"x":"{VALUE}"}}}}}}"#),
            "not an object",
        ),
        (
            format!(r#"{{"url":"https://a.okta.com","auth":"{VALUE}"}}"#),
            "not a text",
        ),
        (
            format!(
                r#"{{"url":"https://a.okta.com","auth":{{"privateKeyJwt":{{"clientId":"c","keyId":"k","scopes":["s"],"key":"{VALUE}"}}}}}}"#
            ),
            "never as a value",
        ),
    ] {
        let problems = json(&format!(
            r#"{{"orgs":{{"acme":{org}}},"apps":[{{"org":"acme","app":"google","appId":"1","connection":{{"profile":{{"authScheme":"OAUTH2"}}}}}}]}}"#
        ));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(message), "{problems:?}");
        assert!(!problems[0].contains("hunter2"), "{problems:?}");
    }
    // A token in the wrong column.
    let problems = csv(
        "org,app,appId,connection.profile.authScheme\nacme,google,1,00aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcd\n",
    );
    assert!(
        problems[0].contains("a text of 42 characters"),
        "{problems:?}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn orgs() {
    let apps = r#""apps":[{"org":"acme","app":"google","appId":"1","connection":{"profile":{"authScheme":"OAUTH2"}}}]"#;
    for (acme, expected) in [
        ("{}", "url: is required"),
        (r#"{"url":"https://a.okta.com"}"#, "auth: is required"),
        (
            r#"{"url":"http://a.okta.com","auth":{"apiToken":"env:T"}}"#,
            "url: must be https",
        ),
        (
            r#"{"url":"https://a.okta.com/x","auth":{"apiToken":"env:T"}}"#,
            "url: must not have a path",
        ),
        (
            r#"{"url":"https://u@a.okta.com","auth":{"apiToken":"env:T"}}"#,
            "url: must not contain a user name",
        ),
        (
            r#"{"url":"https://a.okta.com#x","auth":{"apiToken":"env:T"}}"#,
            "url: must not have a fragment",
        ),
        (r#"{"url":"sandbox","auth":{}}"#, "auth: is an empty object"),
        (
            r#"{"url":"sandbox","auth":{"apiToken":"env:T","accessToken":"env:U"}}"#,
            "auth: takes exactly one",
        ),
        (
            r#"{"url":"sandbox","auth":{"privateKeyJwt":{"clientId":"c","keyId":"k","key":"env:T"}}}"#,
            "auth.privateKeyJwt.scopes: is required",
        ),
        (
            r#"{"url":"sandbox","auth":{"privateKeyJwt":{"clientId":"c","keyId":"k","key":"env:T","scopes":["okta.apps.read okta.apps.manage"]}}}"#,
            "auth.privateKeyJwt.scopes: `okta.apps.read okta.apps.manage` is not a scope",
        ),
        (
            r#"{"url":"sandbox","auth":{"privateKeyJwt":{"clientId":"c","keyId":"k","key":"env:T","scopes":["s"],"algorithm":"HS256"}}}"#,
            "auth.privateKeyJwt.algorithm: `HS256` is not one of RS256, RS384, RS512, ES256, ES384 or ES512",
        ),
        (
            r#"{"url":"sandbox","auth":{"privateKeyJwt":{"clientId":"c","keyId":"k","key":"env:T","scopes":["s"],"dpop":"yes"}}}"#,
            "auth.privateKeyJwt.dpop: expects true or false",
        ),
        (
            r#"{"url":"sandbox","auth":{"privateKeyJwt":{"clientId":"c","keyID":"k","keyId":"k","key":"env:T","scopes":["s"]}}}"#,
            "auth.privateKeyJwt.keyID: unknown key | did you mean keyId?",
        ),
        (
            r#"{"url":"sandbox","limits":{"share":1.5}}"#,
            "limits.share: must be over 0",
        ),
        (
            r#"{"url":"sandbox","limits":{"maxRps":0}}"#,
            "limits.maxRps: must be over 0",
        ),
        (
            r#"{"url":"sandbox","limits":{"maxInFlight":0.5}}"#,
            "limits.maxInFlight: must be a whole number",
        ),
        (
            r#"{"url":"sandbox","limit":{}}"#,
            "limit: unknown key | did you mean limits? a key for people begins with $: write $limit",
        ),
        (
            r#"{"url":"sandbox"},"acme":{"url":"sandbox"}"#,
            "orgs.acme: is given twice",
        ),
        (
            r#"{"url":"https://a.okta.com","auth":{"apiToken":"env:T"}},"b":{"url":"https://A.okta.com/","auth":{"apiToken":"env:T"}}"#,
            "orgs.b.url: is also the URL of the org `acme`",
        ),
        (
            r#"{"url":"sandbox"},"Big_Org":{"url":"sandbox"}"#,
            "cannot be the name of a sandbox org",
        ),
    ] {
        let problems = json(&format!(r#"{{"orgs":{{"acme":{acme}}},{apps}}}"#));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(expected), "{problems:?} {expected}");
    }
}

#[test]
fn an_org_defined_twice_must_be_the_same() {
    let manifest = |share: &str| {
        format!(
            r#"{{"orgs":{{"acme":{{"url":"sandbox","limits":{{"share":{share}}}}}}},"apps":[{{"org":"acme","app":"google","appId":"1","connection":{{"profile":{{"authScheme":"OAUTH2"}}}}}}]}}"#
        )
    };
    for orgs in [
        ("orgs.csv", "org,url,limits.share\nacme,sandbox,0.5\n"),
        (
            "orgs.json",
            r#"{"acme":{"url":"sandbox","limits":{"share":0.5}}}"#,
        ),
        (
            "orgs.json",
            r#"{"orgs":{"acme":{"url":"sandbox","limits":{"share":0.5}}}}"#,
        ),
    ] {
        for (share, expected) in [("0.5", 0), ("0.6", 1)] {
            let manifest = manifest(share);
            let files = [("m.json", manifest.as_bytes()), (orgs.0, orgs.1.as_bytes())];
            let said = check_files(&files, NO_SECRETS).expect("readable");
            assert_eq!(said.problems.len(), expected, "{:?}", said.problems);
            assert_eq!(said.checked.orgs.len(), 1);
        }
    }
}

#[test]
fn broken_orgs_files_do_not_make_every_entry_wrong() {
    let manifest =
        b"org,app,appId,connection.profile.authScheme\nacme,google,1,OAUTH2\n".as_slice();
    for (name, content, expected) in [
        (
            "orgs.json",
            "{\"acme\": ",
            "orgs.json:1:9: is not JSON: EOF while parsing a value",
        ),
        ("orgs.csv", "", "orgs.csv: is empty"),
        (
            "orgs.txt",
            "x",
            "orgs.txt: an orgs file ends in .csv or .json",
        ),
        (
            "orgs.csv",
            "org,url\nacme\n",
            "orgs.csv:2: row 2: has 1 cells, the header has 2",
        ),
        (
            "orgs.csv",
            "org,url\nacme,sandbox\nacme,sandbox\n",
            "orgs.csv:3: row 3, org: is given twice",
        ),
    ] {
        let files = [("m.csv", manifest), (name, content.as_bytes())];
        let problems = check_files(&files, NO_SECRETS).expect("readable").problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(expected), "{problems:?}");
    }
    let none = check_files(&[("m.csv", manifest)], NO_SECRETS)
        .expect("readable")
        .problems;
    assert_eq!(
        none,
        ["m.csv: no orgs are given | name them in an orgs file: --orgs FILE"]
    );
}

#[test]
fn unreadable_secrets_are_reported_once_with_their_uses() {
    let manifest = concat!(
        "org,app,appId,connection.baseUrl,connection.profile.authScheme,connection.profile.token\n",
        "acme,zscalerbyz,1,https://x.y/scim,TOKEN,env:NOT_SET_HERE_EITHER\n",
        "acme,zscalerbyz,2,https://x.y/scim,TOKEN,file:missing.txt\n",
        "acme,zscalerbyz,3,https://x.y/scim,TOKEN,env:NOT_SET_HERE_EITHER\n",
        "acme,zscalerbyz,4,https://x.y/scim,TOKEN,exec:cat token\n",
        "acme,zscalerbyz,5,https://x.y/scim,TOKEN,file:empty.txt\n",
        "acme,zscalerbyz,6,https://x.y/scim,TOKEN,file:good.txt\n",
    );
    let files = [
        ("m.csv", manifest.as_bytes()),
        ("orgs.csv", ORGS.as_bytes()),
        ("empty.txt", b"\n".as_slice()),
        ("good.txt", b"abc\n".as_slice()),
    ];
    let said = check_files(&files, CheckOptions::default()).expect("readable");
    let problems: Vec<&str> = said
        .problems
        .iter()
        .map(|p| p.split(" | ").next().expect("text"))
        .collect();
    assert_eq!(
        problems,
        [
            "orgs.csv: orgs.acme.auth.apiToken: env:NOT_SET_HERE: the environment variable is not set",
            "m.csv:2: row 2, connection.profile.token: env:NOT_SET_HERE_EITHER: the environment variable is not set (used by 2 entries)",
            "m.csv:3: row 3, connection.profile.token: file:missing.txt: cannot read DIR/missing.txt: No such file or directory (os error 2)",
            "m.csv:5: row 5, connection.profile.token: exec:cat token: running programs is refused without --allow-exec",
            "m.csv:6: row 6, connection.profile.token: file:empty.txt: the secret is empty",
        ]
    );
    assert_eq!(said.entries.len(), 6);
    let said = check_files(&files, NO_SECRETS).expect("readable");
    assert_eq!(said.problems, Vec::<String>::new());
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_key_that_does_not_sign_is_told_and_not_shown() {
    let key = |name: &str| {
        let keys = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/keys/");
        std::fs::read_to_string(format!("{keys}{name}")).expect("a key")
    };
    let rsa = key("rsa.pkcs8.pem");
    for (columns, values, key, expected) in [
        ("", "", rsa.clone(), None),
        (",auth.privateKeyJwt.algorithm", ",RS512", rsa.clone(), None),
        (
            ",auth.privateKeyJwt.algorithm,auth.privateKeyJwt.dpop",
            ",ES256,true",
            rsa.clone(),
            Some(
                "the key is RSA, and ES256 signs with a key that is EC P-256 | leave algorithm out: it follows from the key",
            ),
        ),
        (
            "",
            "",
            "hunter2".to_owned(),
            Some("the key is neither PEM nor a JWK"),
        ),
        (
            "",
            "",
            rsa[..rsa.len() / 2].to_owned(),
            Some("the key is PEM that is cut off or damaged"),
        ),
        (
            "",
            "",
            key("encrypted.pem"),
            Some("the key is encrypted with a passphrase | store it without passphrase"),
        ),
        (
            "",
            "",
            key("rsa.public.pem"),
            Some("the key is a public key, not a private key"),
        ),
        ("", "", key("p384.jwk.json").replace("p384", "k1"), None),
        (
            "",
            "",
            key("p384.jwk.json"),
            Some(
                "the key's own kid `p384` is not the keyId `k1` | make `p384` the keyId if this is the key",
            ),
        ),
    ] {
        let orgs = format!(
            "org,url,auth.privateKeyJwt.clientId,auth.privateKeyJwt.keyId,auth.privateKeyJwt.key,auth.privateKeyJwt.scopes{columns}\n\
             acme,https://acme.okta.com,0oa1,k1,file:key,okta.apps.read;okta.apps.manage{values}\n"
        );
        let manifest = "org,app,appId,connection.profile.authScheme\nacme,google,1,OAUTH2\n";
        let files = [
            ("m.csv", manifest.as_bytes()),
            ("orgs.csv", orgs.as_bytes()),
            ("key", key.as_bytes()),
        ];
        let problems = check_files(&files, CheckOptions::default())
            .expect("readable")
            .problems;
        let place = "orgs.csv: orgs.acme.auth.privateKeyJwt.key: file:key: ";
        match expected {
            None => assert_eq!(problems, Vec::<String>::new()),
            Some(expected) => {
                assert_eq!(problems.len(), 1, "{problems:?}");
                assert!(
                    problems[0].starts_with(&format!("{place}{expected}")),
                    "{problems:?}, not {expected}"
                );
            }
        }
        let said = format!("{problems:?}");
        assert!(
            !said.contains("hunter2") && !said.contains("PRIVATE KEY"),
            "{said}"
        );
        // Whoever leaves secrets out is not asked for this one.
        let problems = check_files(&files, NO_SECRETS).expect("readable").problems;
        assert_eq!(problems, Vec::<String>::new());
    }
}

#[test]
fn csv_oddities_that_are_fine() {
    for content in [
        "\u{feff}org,app,appId,connection.profile.authScheme\nacme,google,1,OAUTH2\n",
        "org,app,appId,connection.profile.authScheme\r\nacme,google,1,OAUTH2\r\n",
        "org,app,appId,connection.profile.authScheme\r\nacme,google,1,OAUTH2",
        "\n\norg, app ,appId,connection.profile.authScheme\n\n\"acme\",google,1,OAUTH2\n,,,\n\n",
        "org,app,label,connection.profile.authScheme\nacme,google,\"Google, \"\"Work\"\"\",OAUTH2\n",
    ] {
        let files = [("m.csv", content.as_bytes()), ("orgs.csv", ORGS.as_bytes())];
        let said = check_files(&files, NO_SECRETS).expect("readable");
        assert_eq!(said.problems, Vec::<String>::new(), "{content:?}");
        assert_eq!(said.entries.len(), 1, "{content:?}");
    }
}

#[test]
fn line_breaks_lists_and_nulls_in_csv() {
    let content = concat!(
        "org,app,appId,hub.org,hub.clientName,hub.roles,hub.scopes,hub.dpop,connection.profile.authScheme,",
        "features.INBOUND_PROVISIONING.importSettings.schedule.fullImport,",
        "features.INBOUND_PROVISIONING.importSettings.schedule.fullImport.expression,",
        "features.INBOUND_PROVISIONING.importSettings.username.userNameExpression\n",
        "acme,okta_org2org,1,hub,c,USER_ADMIN; GROUP_MEMBERSHIP_ADMIN,okta.users.manage,true,OAUTH2,null,,x\r\n",
        "acme,google,2,,,,,,OAUTH2,null,0 2 * * *,\n",
        "acme,google,\"3\",,,,,,OAUTH2,,0 2 * * *,\n",
    );
    let orgs = "org,url\nacme,sandbox\nhub,sandbox\n";
    let files = [("m.csv", content.as_bytes()), ("orgs.csv", orgs.as_bytes())];
    let said = check_files(&files, NO_SECRETS).expect("readable");
    assert_eq!(
        said.problems,
        [
            "m.csv:3: row 3, features.INBOUND_PROVISIONING.importSettings.schedule.fullImport: is null, but features.INBOUND_PROVISIONING.importSettings.schedule.fullImport.expression is given too"
        ]
    );
    let rows: Vec<u64> = said.entries.iter().map(|located| located.row).collect();
    assert_eq!(rows, [2, 4]);
    let first = serde_json::to_value(&said.entries[0].entry).expect("plain data");
    assert_eq!(
        first["hub"],
        serde_json::json!({ "org": "hub", "clientName": "c", "dpop": true,
            "roles": ["USER_ADMIN", "GROUP_MEMBERSHIP_ADMIN"], "scopes": ["okta.users.manage"] })
    );
    let schedule = &first["features"]["INBOUND_PROVISIONING"]["importSettings"]["schedule"];
    assert_eq!(*schedule, serde_json::json!({ "fullImport": null }));
}

#[test]
fn faults_of_a_csv_file() {
    const HEADER: &str = "org,app,label,connection.profile.authScheme\n";
    let good = "acme,google,Google,OAUTH2\n";
    let with = |row: &[u8]| [HEADER.as_bytes(), row, good.as_bytes()].concat();
    for (content, expected) in [
        (Vec::new(), "m.csv: is empty"),
        (b"\n\n".to_vec(), "m.csv:3: row 1: is empty"),
        (
            HEADER.as_bytes().to_vec(),
            "m.csv: has no entries: there is nothing to do",
        ),
        (b"\xff\xfeo\0r\0g\0".to_vec(), "m.csv: is UTF-16 text"),
        (b"o\0r\0g\0".to_vec(), "m.csv: is UTF-16 text"),
        (b"\0o\0r\0g".to_vec(), "m.csv: is UTF-16 text"),
        (b"PK\x03\x04\x14\0\x06".to_vec(), "m.csv: is a spreadsheet"),
        (
            b"sep=x\norgxapp\n".to_vec(),
            "m.csv:1: `sep=` names no separator that is known",
        ),
        (
            with(b"acme,google,caf\xe9,OAUTH2\n"),
            "m.csv:2: row 2, label: is not UTF-8 text",
        ),
        (
            with(b"acme,google,a\0b,OAUTH2\n"),
            "m.csv:2: row 2, label: contains a NUL byte",
        ),
        (
            with(b"acme,google,Other,OAUTH2,,x\n"),
            "m.csv:2: row 2: has 6 cells, the header has 4",
        ),
        (
            b"org,org,app,label,connection.profile.authScheme\nacme,,google,Google,OAUTH2\n"
                .to_vec(),
            "m.csv:1: row 1, org: is the name of columns 1 and 2",
        ),
        (
            b"org,app,label,connection.profile.authScheme,\nacme,google,Google,OAUTH2,x\n".to_vec(),
            "m.csv:2: row 2: column 5 has no name",
        ),
        (
            [
                HEADER.as_bytes(),
                good.as_bytes(),
                b"acme,google,\"Other,OAUTH2\nacme,slack,S,OAUTH2\n",
            ]
            .concat(),
            "m.csv:3: row 3, label: a quote opened here is never closed",
        ),
        (
            b"org,app,label,connection\nacme,google,Google,OAUTH2\n".to_vec(),
            "m.csv:1: row 1, connection: unknown column | connection is an object: give each of its keys a column, as in connection.baseUrl",
        ),
    ] {
        let problems = csv_bytes(&content);
        assert!(
            problems
                .first()
                .is_some_and(|problem| problem.starts_with(expected)),
            "{expected}: {problems:?}"
        );
    }
}

#[test]
fn a_cell_of_50_mb_is_one_problem_and_the_rows_after_it_are_read() {
    let mut content = b"org,app,label,connection.profile.authScheme\nacme,google,\"".to_vec();
    content.resize(content.len() + 50_000_000, b'x');
    content.extend_from_slice(b"\",OAUTH2\nacme,slack,Slack,OAUTH2\n");
    let files = [("m.csv", content.as_slice()), ("orgs.csv", ORGS.as_bytes())];
    let said = check_files(&files, NO_SECRETS).expect("readable");
    assert_eq!(
        said.problems,
        [
            "m.csv:2: row 2, label: the record is over 1024 KiB or 1024 columns | look for a quote that is not closed"
        ]
    );
    assert_eq!(said.entries.len(), 1);
    assert_eq!(said.entries[0].row, 3);
}

#[test]
fn faults_of_a_json_file() {
    for (content, expected) in [
        ("", "m.json: is empty"),
        (
            "{\"apps\": [\n {\"org\": ",
            "m.json:2:9: is not JSON: EOF while parsing a value",
        ),
        (
            "{\"apps\": [],}",
            "m.json:1:13: is not JSON: key must be a string",
        ),
        (
            "[]",
            "m.json:1:1: expects an object with orgs and apps, not a list | write { \"apps\": […] }",
        ),
        (
            "{\"orgs\":{\"a\":{\"url\":\"sandbox\"}},\"apps\":[]}",
            "m.json: has no entries",
        ),
        (
            "{\"orgs\":{\"a\":{\"url\":\"sandbox\"}}}",
            "m.json: has no entries",
        ),
        (
            "{\"orgs\":{\"a\":{\"url\":\"sandbox\"}},\"apps\":{}}",
            "m.json:1:40: apps: expects a list of entries, not an object",
        ),
        (
            "{\"orgs\":[],\"apps\":[]}",
            "m.json:1:9: expects an object of orgs by name, not a list",
        ),
        (
            "{\"apps\":[{\"org\":\"\\ud800\"}],\"orgs\":{}}",
            "m.json:1:17: row 1, org: contains a broken escape",
        ),
        (
            "{\"apps\":[{\"label\":\"C:\\Users\"}]}",
            "m.json:1:23: is not JSON: invalid escape | in JSON a backslash is written twice: C:\\\\tokens\\\\acme.txt",
        ),
        (
            "{\"apps\":[]} x",
            "m.json:1:13: is not JSON: trailing characters",
        ),
    ] {
        let problems = json(content);
        assert!(
            problems.iter().any(|problem| problem.starts_with(expected)),
            "{expected}: {problems:?}"
        );
    }
    let said = check_files(&[("m.json", b"{\n\"apps\": \"\xe9\"}")], NO_SECRETS).expect("readable");
    assert_eq!(
        said.problems,
        ["m.json:2: is not UTF-8 (byte 10 of the line) | save it as UTF-8"]
    );
    let deep = format!(
        "{{\"apps\":{}{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(!json(&deep).is_empty());
}

#[test]
fn a_value_or_key_that_none_is_that_long_is_reported_by_its_place_and_not_repeated() {
    let long = "x".repeat(70_000);
    for (wrong, wanted) in [
        (
            format!(r#""label":"{long}""#),
            "m.json:2:38: row 1, label: has 70002 bytes; no value has over 64 KiB",
        ),
        (
            format!(r#""label":"A","{long}":1"#),
            "m.json:2:42: row 1: has a key of 70000 bytes, which is none",
        ),
        (
            format!(r#""label":"A","create":{{"settings":{{"app":{{"domain":"{long}"}}}}}}"#),
            "row 1, create.settings.app: has 70013 bytes; no value has over 64 KiB",
        ),
    ] {
        let problems = entry(&format!(r#"{{"org":"acme","app":"google",{wrong}}}"#));
        let all = problems.join("\n");
        assert!(all.contains(wanted), "{}", &all[..all.len().min(500)]);
        assert!(!all.contains(&long[..2_000]), "it is repeated");
    }
    let orgs =
        format!(r#"{{"orgs":{{"{long}":{{"url":"sandbox"}},"a":{{"url":"{long}"}}}},"apps":[]}}"#);
    let all = json(&orgs).join("\n");
    assert!(all.contains("m.json:1:10: has a key of 70000 bytes, which is none"));
    assert!(all.contains("orgs.a.url: has 70002 bytes; no value has over 64 KiB"));
    let top = json(&format!(r#"{{"{long}":1}}"#)).join("\n");
    assert!(top.contains("m.json:1:2: has a key of 70000 bytes, which is none"));
    // What is for people may be as long as they like.
    let note = format!(
        r#"{{"$note":"{long}","org":"acme","app":"google","label":"A","connection":{{"profile":{{"authScheme":"OAUTH2"}}}}}}"#
    );
    assert_eq!(entry(&note), [""; 0]);
}

#[test]
fn very_many_mistakes_of_one_record_are_counted() {
    let keys: Vec<_> = (0..5_000).map(|no| format!("\"key{no}\":1")).collect();
    let twice: Vec<_> = (0..5_000).map(|_| "\"label\":\"A\"".to_owned()).collect();
    for (keys, wanted) in [(keys, 5_000), (twice, 4_999)] {
        let content = format!(
            "{{\"orgs\":{{\"acme\":{{\"url\":\"sandbox\"}}}},\"apps\":[{{{}}}]}}",
            keys.join(",")
        );
        let found = check_files(&[("m.json", content.as_bytes())], NO_SECRETS).expect("readable");
        // Besides those that the entry lacks.
        let count = found.checked.problem_count;
        let more = count - wanted;
        assert!((1..10).contains(&more), "{count}");
    }
}

#[test]
fn faults_of_a_jsonl_file() {
    let long = format!("{{\"org\":\"{}\"}}", "x".repeat(2_000_000));
    let content = format!(
        "\u{feff}{{\"org\":\"acme\",\"app\":\"google\",\"appId\":\"1\",\"connection\":{{\"profile\":{{\"authScheme\":\"OAUTH2\"}}}}}}\r\n\n{long}\n{{\"org\":\n[]\n{{\"org\":\"acme\",\"app\":\"google\",\"appId\":\"1\"}}"
    );
    let files = [
        ("m.jsonl", content.as_bytes()),
        ("orgs.csv", ORGS.as_bytes()),
    ];
    let said = check_files(&files, NO_SECRETS).expect("readable");
    assert_eq!(
        said.problems,
        [
            "m.jsonl:3: row 3: the line is over 1024 KiB",
            "m.jsonl:4:7: row 4: is not JSON: EOF while parsing a value",
            "m.jsonl:5:1: row 5: expects an object, not a list",
            "m.jsonl:6:1: row 6: has nothing to set: neither connection nor features | add a connection, or status DISABLED to deactivate it",
            "m.jsonl:6:30: row 6, appId: is the same app in the same org as row 1 | keep one of the two",
        ]
    );
    assert_eq!(said.entries.len(), 1);
}

#[test]
fn files_that_cannot_be_read() {
    let folder = TempDir::new().expect("folder");
    std::fs::create_dir(folder.path().join("dir.csv")).expect("dir");
    for (name, expected, hint) in [
        ("none.csv", "none.csv: no such file", None),
        ("none.json", "none.json: no such file", None),
        ("dir.csv", "dir.csv: is a folder, not a file", None),
        (
            "m.yaml",
            "m.yaml: a manifest ends in .csv, .json or .jsonl",
            Some("rename the file"),
        ),
        (
            "m.toml",
            "m.toml: a manifest ends in .csv, .json or .jsonl",
            Some("a .toml file is a job"),
        ),
        (
            "manifest",
            "manifest: a manifest ends in",
            Some("rename the file"),
        ),
    ] {
        let source = Source {
            file: folder.path().join(name),
            orgs_file: None,
        };
        let error = check(&source, &NO_SECRETS, &mut |_| {}).expect_err(name);
        assert!(error.to_string().contains(expected), "{error}");
        match (error.hint(), hint) {
            (Some(got), Some(hint)) => assert!(got.starts_with(hint), "{got}"),
            (got, hint) => assert_eq!(got.as_deref(), hint),
        }
        assert!(read_orgs(&source).is_err(), "{name}");
    }
}

#[test]
fn a_million_mistakes_are_counted_and_a_thousand_kept() {
    let mut content = String::from("org,app,appId,connection.profile.authScheme\n");
    for row in 0..3000 {
        writeln!(content, "acme,gogle{row},{row},OAUTH2").expect("memory");
    }
    let files = [("m.csv", content.as_bytes()), ("orgs.csv", ORGS.as_bytes())];
    let said = check_files(&files, NO_SECRETS).expect("readable");
    assert_eq!(said.problems.len(), 1000);
    assert_eq!(said.checked.problem_count, 3000);
    assert!(said.entries.is_empty());
}

#[test]
fn comments_are_for_people_and_mean_nothing() {
    let zoom = r#""org":"acme","app":"zoomus","connection":{"profile":{"authScheme":"OAUTH2"}}"#;
    let json = format!(
        r#"{{"$comment":"of acme","orgs":{{"acme":{{"url":"sandbox"}}}},"apps":[
        {{"$comment":"label: \"Zoom\"\nby hand",{zoom},"appId":"0oa1"}},
        {{"$comment":"left out"}},
        {{{zoom},"appId":"0oa2"}}]}}"#
    );
    let lines = format!(
        "{{{zoom},\"appId\":\"0oa1\",\"$comment\":\"x\"}}\n{{\"$comment\":\"y\"}}\n\n{{{zoom},\"appId\":\"0oa2\"}}\n"
    );
    let csv = concat!(
        "org,app,appId,$comment,connection.profile.authScheme\n",
        "acme,zoomus,0oa1,\"label: \"\"Zoom\"\",\nby hand\",OAUTH2\n",
        ",,,left out,\n",
        "acme,zoomus,0oa2,,OAUTH2\n",
    );
    let orgs = ("orgs.csv", ORGS.as_bytes());
    for files in [
        vec![("m.json", json.as_bytes())],
        vec![("m.jsonl", lines.as_bytes()), orgs],
        vec![("m.csv", csv.as_bytes()), orgs],
    ] {
        let said = check_files(&files, NO_SECRETS).expect("readable");
        assert_eq!(said.problems, [""; 0], "{}", files[0].0);
        let ids: Vec<_> = said
            .entries
            .iter()
            .map(|l| l.entry.app_id.clone())
            .collect();
        assert_eq!(ids, [Some("0oa1".to_owned()), Some("0oa2".to_owned())]);
        let shown = serde_json::to_string(&said.entries[0].entry).expect("plain data");
        assert!(!shown.contains("comment"), "{shown}");
    }
}

#[test]
fn what_is_for_people_may_stand_anywhere_and_be_anything() {
    let slack = r#""org":"acme","app":"slack","appId":"0oa1""#;
    let scheme = r#""profile":{"authScheme":"OAUTH2","$why":null}"#;
    let settings = r#"{"$note":"x","app":{"$for":"people","domain":"d","list":[{"$x":1,"y":2}]}}"#;
    let json = format!(
        r#"{{"$owner":{{"team":["a"]}},"$owner":2,"$schema":3,
        "orgs":{{"$note":"both","acme":{{"$tier":"gold","url":"sandbox","limits":{{"$why":1,"share":0.5}}}}}},
        "defaults":{{"$by":[],"features":{{"$none":true}}}},
        "apps":[
        {{"$comment":5,{slack},"connection":{{"$ticket":"OPS-1",{scheme}}}}},
        {{"$a":1,"$b":{{}}}},
        {{{slack_2},"label":"S","create":{{"$x":"y","settings":{settings}}},"connection":{{{scheme}}}}}]}}"#,
        slack_2 = r#""org":"acme","app":"slack""#,
    );
    let csv = concat!(
        "$owner,org,app,appId,$owner,connection.profile.authScheme,connection.$ticket,create.settings.app.$x,$\n",
        "me,acme,slack,0oa1,you,OAUTH2,OPS-1,\0,\n",
        "me,,,,,,,,\n",
    );
    let orgs = "org,$tier,url,auth.$note\nacme,gold,sandbox,x\n,none,,\n";
    for (files, count) in [
        (vec![("m.json", json.as_bytes())], 2),
        (
            vec![("m.csv", csv.as_bytes()), ("orgs.csv", orgs.as_bytes())],
            1,
        ),
    ] {
        let said = check_files(&files, NO_SECRETS).expect("readable");
        assert_eq!(said.problems, [""; 0], "{}", files[0].0);
        assert_eq!(said.entries.len(), count);
        let shown = serde_json::to_string(&said.entries[count - 1].entry).expect("plain data");
        assert!(!shown.contains('$'), "{shown}");
    }
}

#[test]
fn what_is_unknown_is_reported_for_people() {
    for (problems, expected) in [
        (
            csv("org,app,$comment\n,,only this\n"),
            "m.csv: has no entries: there is nothing to do | add an entry under apps, or a row below the header",
        ),
        (
            csv("org,app,cost centre\n,,x\n"),
            "m.csv:1: row 1, cost centre: unknown column | a column for people begins with $: write $cost centre",
        ),
        (
            csv("org,app,\"=cmd()\"\n,,x\n"),
            "m.csv:1: row 1, =cmd(): unknown column | a column for people begins with $: write $owner",
        ),
        (
            entry(r#"{"zqj":"x","org":"acme","app":"slack","appId":"0oa1","status":"DISABLED"}"#),
            "m.json:2:2: row 1, zqj: unknown key | a key for people begins with $: write $zqj",
        ),
        (
            entry(r#"{"org":"acme","app":"slack","appId":"0oa1","connection":{"$only":"this"}}"#),
            "m.json:2:57: row 1, connection: is an empty object | leave it out or fill it in",
        ),
        (
            json(r#"{"ownr":[],"orgs":{"acme":{"url":"sandbox"}},"apps":[{"$comment":"none"}]}"#),
            "m.json:1:2: ownr: unknown key | a key for people begins with $: write $ownr",
        ),
    ] {
        assert_eq!(
            problems.first().map(String::as_str),
            Some(expected),
            "{problems:?}"
        );
    }
}

#[test]
fn an_org_may_be_repeated_with_the_other_form_of_a_path() {
    let folder = TempDir::new().expect("folder");
    let shown = folder.path().display();
    let orgs = "org,url,auth.apiToken\nacme,https://acme.okta.com,file:token\n";
    std::fs::write(folder.path().join("token"), "t").expect("write");
    std::fs::write(folder.path().join("orgs.csv"), orgs).expect("write");
    std::fs::create_dir(folder.path().join("below")).expect("folder");
    for (reference, same) in [
        (format!("file:{shown}/token"), true),
        ("file:token".to_owned(), false),
    ] {
        let manifest = format!(
            r#"{{"orgs":{{"acme":{{"url":"https://acme.okta.com","auth":{{"apiToken":"{reference}"}}}}}},
            "apps":[{{"org":"acme","app":"slack","appId":"0oa1","status":"DISABLED"}}]}}"#
        );
        let file = folder.path().join("below/m.json");
        std::fs::write(&file, manifest).expect("write");
        let orgs_file = Some(folder.path().join("orgs.csv"));
        let source = Source { file, orgs_file };
        let checked = check(&source, &NO_SECRETS, &mut |_| {}).expect("readable");
        assert_eq!(checked.problem_count == 0, same, "{:?}", checked.problems);
    }
}

#[test]
fn apps_by_other_names_are_reported_with_how_okta_calls_them_or_why_there_is_none() {
    const SIX: &str = "google, office365, okta_org2org, slack, zoomus or zscalerbyz";
    for (name, meant) in [
        ("gsuite", "google"),
        ("Google", "google"),
        ("azure", "office365"),
        ("Office 365", "office365"),
        ("zoom", "zoomus"),
        ("zscaler", "zscalerbyz"),
        ("org2org", "okta_org2org"),
        ("slak", "slack"),
    ] {
        let expected =
            format!("m.csv:2: row 2, app: `{name}` is not one of {SIX} | did you mean {meant}?");
        let problems = csv(&format!("org,app,appId,status\nacme,{name},1,DISABLED\n"));
        assert_eq!(problems, [expected]);
    }
    for name in ["salesforce", "Box", "servicenow_ud"] {
        let expected = format!(
            "m.csv:2: row 2, app: Okta's API has no provisioning connection for `{name}` | set it up in the Admin Console; the API has only {SIX}"
        );
        let problems = csv(&format!("org,app,appId,status\nacme,{name},1,DISABLED\n"));
        assert_eq!(problems, [expected]);
    }
    let problems = entry(r#"{"org":"acme","app":"xyz","appId":"1","status":"DISABLED"}"#);
    let expected = format!(
        "m.json:2:21: row 1, app: `xyz` is not one of {SIX} | Okta's API has a provisioning connection for these six only"
    );
    assert_eq!(problems, [expected]);
}

#[test]
fn urls_that_nobody_filled_in_or_that_lead_elsewhere() {
    let manifest = b"org,app,appId,status\nacme,slack,1,DISABLED\n".as_slice();
    for (url, expected) in [
        (
            "https://acme-admin.okta.com/admin/dashboard",
            "is the address of the Admin Console, not of the org | write https://acme.okta.com",
        ),
        (
            "https://{yourOktaDomain}",
            "still has a placeholder in it | put the org's own address there, as in https://acme.okta.com",
        ),
        (
            "${OKTA_URL}",
            "still has a placeholder in it | put the org's own address there, as in https://acme.okta.com",
        ),
        (
            "https://acme.okta.com/app/UserHome",
            "must not have a path | write https://acme.okta.com",
        ),
        (
            "acme.okta.com",
            "is not a URL such as https://acme.okta.com | write https://acme.okta.com",
        ),
    ] {
        let csv = format!("org,url,auth.apiToken\nacme,{url},env:T\n");
        let json = format!(r#"{{"acme":{{"url":"{url}","auth":{{"apiToken":"env:T"}}}}}}"#);
        let in_csv = format!("orgs.csv:2: row 2, url: {expected}");
        let in_json = format!("orgs.json:1:10: orgs.acme.url: {expected}");
        for (name, text, expected) in [("orgs.csv", csv, in_csv), ("orgs.json", json, in_json)] {
            let files = [("m.csv", manifest), (name, text.as_bytes())];
            let said = check_files(&files, NO_SECRETS).expect("readable");
            assert_eq!(said.problems, [expected]);
        }
    }
    let problems = entry(
        r#"{"org":"acme","app":"zscalerbyz","appId":"1","connection":{"baseUrl":"https://${HOST}/scim","profile":{"authScheme":"TOKEN","token":"env:T"}}}"#,
    );
    assert!(problems[0].ends_with(
        "connection.baseUrl: still has a placeholder in it | put the app's own address there"
    ));
    let problems = entry(
        r#"{"org":"acme","app":"okta_org2org","label":"H","create":{"settings":{"app":{"baseUrl":"https://{hub}.okta.com"}}},"connection":{"profile":{"authScheme":"TOKEN","token":"env:T"}}}"#,
    );
    assert!(problems[0].contains("create.settings.app.baseUrl: still has a placeholder in it"));
}

#[test]
fn a_thousand_rows_with_one_mistake_are_one_problem() {
    let mut content = String::from("org,app,appId,status\n");
    for row in 0..1000 {
        writeln!(content, "acmee,slack,{row},DISABLED").expect("memory");
    }
    content.push_str("acme,slak,x,DISABLED\n");
    let problems = csv(&content);
    assert_eq!(
        problems,
        [
            "m.csv:2: row 2, org: unknown org `acmee` (1000 times: rows 2, 3, 4, 5, 6, …) | did you mean acme?",
            "m.csv:1002: row 1002, app: `slak` is not one of google, office365, okta_org2org, slack, zoomus or zscalerbyz | did you mean slack?",
        ]
    );
}
