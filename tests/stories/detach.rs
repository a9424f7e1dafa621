//! Runs that are stored for workers: checked, sent nothing of, and known by their id.

use serde_json::json;

use crate::postgres::on_postgres;
use crate::support::Scenario;

/// The id that a run was stored by.
#[track_caller]
pub fn stored(story: &Scenario, arguments: &[&str]) -> String {
    let arguments = [&["run", "job.toml", "--detach"], arguments].concat();
    let printed = story.okta_rollout(&arguments).exits(0).data();
    let id = printed.trim_end();
    assert_eq!(printed, format!("{id}\n"), "the id and nothing else");
    assert!(
        !id.is_empty() && id.chars().all(char::is_alphanumeric),
        "{id}"
    );
    id.to_owned()
}

fn runs(story: &Scenario) -> Vec<serde_json::Value> {
    let runs = story.okta_rollout(&["runs", "--format", "json"]);
    serde_json::from_value(runs.exits(0).json()).unwrap()
}

#[test]
fn a_run_is_stored_without_a_call_and_without_a_secret() {
    let (mut story, _) = on_postgres();
    story.unset("ACME_OKTA_TOKEN");
    std::fs::remove_dir_all(story.path("secrets")).unwrap();
    let id = stored(&story, &[]);
    assert_eq!(story.all_calls("acme").len(), 0);
    assert_eq!(story.all_calls("globex").len(), 0);
    let status = story.okta_rollout(&["status", &id]).exits(0).data();
    assert!(status.contains(": stored, begun"), "{status}");
    assert!(
        status.contains("no worker has taken it up yet") && status.contains("okta-rollout work"),
        "{status}"
    );
    let [run] = runs(&story).try_into().unwrap();
    assert_eq!((&run["run"], &run["state"]), (&json!(id), &json!("stored")));
    // Once is enough.
    let again = story
        .okta_rollout(&["run", "job.toml", "--detach"])
        .exits(0)
        .says("no second one is stored");
    assert_eq!(again.data(), format!("{id}\n"));
    assert_ne!(stored(&story, &["--new"]), id);
    assert_eq!(runs(&story).len(), 2);
}

#[test]
fn what_no_worker_could_do_as_it_was_asked_for_is_refused() {
    let (mut story, url) = on_postgres();
    for (arguments, why) in [
        (&["--format", "json"][..], "the run's id and nothing else"),
        (
            &["--only", "failed"],
            "about entries of a run that there is",
        ),
        (&["--ask"], "cannot be used with"),
        (&["--desk"], "cannot be used with"),
        (&["--allow-exec"], "cannot be used with"),
        (&["--only", "org=nowhere"], "nowhere"),
    ] {
        let arguments = [&["run", "job.toml", "--detach"], arguments].concat();
        story.okta_rollout(&arguments).exits(2).says(why);
    }
    let first = stored(&story, &["--only", "org=acme"]);
    story
        .okta_rollout(&["run", "job.toml", "--detach"])
        .exits(2)
        .says("does --only org=acme of it")
        .says("--new");
    story
        .okta_rollout(&[
            "run", "job.toml", "--detach", "--only", "org=acme", "--force",
        ])
        .exits(2)
        .says("was begun without --force");
    assert_eq!(stored(&story, &["--only", "org=acme"]), first);
    // A mistake is told as `check` does, and kept as a start that failed.
    let good = std::fs::read_to_string(story.path("m.json")).unwrap();
    story.write("m.json", &good.replace("zscalerbyz", "zscaller"));
    story
        .okta_rollout(&["run", "job.toml", "--detach", "--new"])
        .exits(2)
        .says("zscaller");
    assert_eq!(runs(&story)[0]["state"], "failed");
    // On a file nobody could take it up.
    story.write("m.json", &good);
    story.set("OKTA_ROLLOUT_LEDGER", "here.db");
    story
        .okta_rollout(&["run", "job.toml", "--detach"])
        .exits(2)
        .says("share a ledger on PostgreSQL")
        .says("postgres://");
    assert!(!story.path("here.db").exists());
    story.set("OKTA_ROLLOUT_LEDGER", &url);
    assert_eq!(story.all_calls("acme").len(), 0);
}

#[test]
fn what_was_stored_goes_on_with_its_job_where_that_is_not() {
    let (story, _) = on_postgres();
    story.job("[limits]\nmaxInFlight = 1\n[[reports]]\nformat = 'json'\npath = 'out/r.json'\n");
    let id = stored(&story, &[]);
    std::fs::remove_file(story.path("job.toml")).unwrap();
    let resumed = story.okta_rollout(&["resume", &id]).exits(4);
    assert!(!resumed.said().contains("is gone"), "{}", resumed.said());
    // Reports are of those who have the job.
    assert!(!story.path("out").exists());
}
