//! A whole rollout as a role that may do no more than needed.

use crate::postgres_server;
use crate::support::{Scenario, google, slack, zscaler};

#[test]
fn a_role_that_was_granted_no_more_than_needed_does_all_there_is_to_do() {
    let mut story = Scenario::of([zscaler("0oa1"), google("0oa2"), slack("0oa3")]);
    let server = postgres_server::server();
    let owned = server.empty();
    let database = owned.rsplit('/').next().unwrap().to_owned();
    story.write("secrets/ledger.key", &"5a".repeat(32));
    let key = "?key=file:secrets/ledger.key";
    // Its tables are made by the owner's first command; the run itself is the role's.
    story.set("OKTA_ROLLOUT_LEDGER", &format!("{owned}{key}"));
    story
        .okta_rollout(&["run", "job.toml", "--only", "app=slack"])
        .exits(4);
    server.sql(&database, r#"CREATE ROLE "night shift" LOGIN"#);
    let grants = story.okta_rollout(&["ledger", "grants", "night shift"]);
    server.sql(&database, &grants.exits(0).data());
    let role = owned.replace(&format!("{}@", postgres_server::USER), "night%20shift@");
    story.set("OKTA_ROLLOUT_LEDGER", &format!("{role}{key}"));

    story.okta_rollout(&["run", "job.toml", "--new"]).exits(4);
    let answer = story.consents()[0]["authorizeUrl"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = story.approve(&answer);
    story.fed(&["consent", "complete"], &shown).exits(0);
    story.okta_rollout(&["consent", "refresh"]);
    story.okta_rollout(&["resume"]).exits(4);
    let report = story.report();
    assert_eq!(report["totals"]["changed"], 2, "{report}");
    for command in [
        &["status"][..],
        &["runs"],
        &["doctor", "job.toml"],
        &["runs", "prune", "--keep", "1"],
    ] {
        story.okta_rollout(command).exits(0);
    }
    // Half of it, and then the rest.
    story.manifest([zscaler("0oa4"), zscaler("0oa5"), google("0oa2")]);
    story.dies_after(2, &["run", "job.toml"]);
    story.okta_rollout(&["run", "job.toml"]).exits(0);
    let made_by = server.sql(
        &database,
        "SELECT count(*) FROM pg_tables WHERE tableowner = 'night shift'",
    );
    assert_eq!(made_by, "0");
}
