//! Servers that lie, in the place of one of two orgs: every command that meets one ends, says why, and leaves the other
//! org as it would be without it.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Asked, Lie, Scenario, lie, page, zscaler};

/// acme is a liar, globex is not.
struct Story {
    story: Scenario,
    liar: crate::support::Liar,
}

impl Story {
    fn with(answer: impl Fn(&Asked) -> Lie + Send + Sync + 'static) -> Self {
        let mut story = Scenario::of([]);
        let liar = story.lies(answer);
        story.org_at("acme", &liar.url);
        // Found by label, so that the org's apps are listed.
        story.manifest([
            zscaler("0oa1").labelled("Zscaler"),
            zscaler("0oa2").at("globex"),
        ]);
        Self { story, liar }
    }

    /// Every command says this of acme with at most so many calls, and does its work in globex.
    fn is_stopped(&self, what: &str, calls: usize) {
        let story = &self.story;
        let said = story
            .run()
            .exits(3)
            .says("acme: stopped: ")
            .says(what)
            .said();
        assert!(said.contains("okta-rollout resume"), "{said}");
        self.asked_at_most(calls);
        let report = story.report();
        assert_eq!(report["entries"][0]["state"], "pending", "{report}");
        assert_eq!(report["entries"][1]["state"], "done", "{report}");

        let plan = story.okta_rollout(&["plan", "job.toml"]).exits(3);
        let shown = plan.data();
        assert!(shown.contains("! the org cannot be read: "), "{shown}");
        assert!(shown.contains(what), "{shown}");
        self.asked_at_most(calls);

        let export = [
            "export", "--job", "job.toml", "--org", "acme", "--org", "globex",
        ];
        let export = story.okta_rollout(&export).exits(3);
        assert!(export.data().contains("0oa2"), "{}", export.data());
        export.says("org acme cannot be read: ").says(what);
        self.asked_at_most(calls);
    }

    fn asked_at_most(&self, most: usize) {
        let calls = self.liar.calls();
        assert!((1..=most).contains(&calls.len()), "{} calls", calls.len());
    }
}

/// The folder's job, with this more about retries.
fn job(story: &Scenario, retry: &str) {
    let job = format!("manifest = 'm.json'\n[retry]\ninitial = '1ms'\nmax = '100ms'\n{retry}\n");
    story.write("job.toml", &job);
}

const NO_END: &str = "the list of its apps does not end: ";

#[test]
fn pages_that_lead_round_in_circles() {
    for (cursors, calls) in [
        // To itself, and to and fro.
        (&["/api/v1/apps?after=a&limit=200"][..], 3),
        (
            &[
                "/api/v1/apps?after=a&limit=200",
                "/api/v1/apps?after=b&limit=200",
            ],
            4,
        ),
    ] {
        let cursors: Vec<String> = cursors.iter().map(|&cursor| cursor.to_owned()).collect();
        let story = Story::with(move |call| page(&cursors[call.no % cursors.len()], "[]"));
        story.is_stopped(NO_END, calls);
    }
}

#[test]
fn pages_that_lead_back_to_the_first() {
    let story = Story::with(|call| page(&call.path, "[]"));
    story.is_stopped("page 1 leads back to one before it", 1);
}

#[test]
fn pages_without_end() {
    let fresh = AtomicUsize::new(0);
    let story = Story::with(move |_| {
        let cursor = fresh.fetch_add(1, Ordering::SeqCst);
        page(&format!("/api/v1/apps?after=c{cursor}"), "[]")
    });
    story.is_stopped("it has more than 2000 pages", 2_000);
}

/// Answers that are of no use, however often they come: what they are, and what is said of them in the end.
fn useless() -> Vec<(Lie, &'static str)> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let soon = (now.as_secs() + 3_600).to_string();
    let limited = |headers: &[(&str, &str)]| {
        let body = r#"{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit"}"#;
        lie(429, headers, body)
    };
    vec![
        (limited(&[]), "API call exceeded rate limit"),
        (
            limited(&[("retry-after", "3600")]),
            "API call exceeded rate limit",
        ),
        (
            limited(&[("retry-after", "0")]),
            "API call exceeded rate limit",
        ),
        (
            limited(&[
                ("x-rate-limit-limit", "50"),
                ("x-rate-limit-remaining", "0"),
                ("x-rate-limit-reset", &soon),
            ]),
            "API call exceeded rate limit",
        ),
        (
            limited(&[
                ("x-rate-limit-limit", "0"),
                ("x-rate-limit-remaining", "0"),
                ("x-rate-limit-reset", &soon),
            ]),
            "API call exceeded rate limit",
        ),
        (
            lie(503, &[("retry-after", "3600")], ""),
            "status 503 without a body",
        ),
        (
            lie(200, &[], "<html>log in first</html>"),
            "status 200 with a body that is not Okta's",
        ),
    ]
}

#[test]
fn an_org_that_says_nothing_of_use_is_stopped_when_patience_ends() {
    for no in 0..useless().len() {
        let what = useless().remove(no).1;
        let story = Story::with(move |_| useless().remove(no).0);
        job(&story.story, "maxAttempts = 100000\norgPatience = '2s'");
        let stopped = format!("no useful answer for 2 s; the last one: {what}");
        story.is_stopped(&stopped, 2_000);
        let report = story.story.report();
        let waited = report["orgs"][0]["waitedMs"].as_u64().unwrap();
        let finished = report["orgs"][0]["stopped"]["message"].as_str();
        assert!(finished.is_some(), "{report}");
        assert!(waited <= 4_000, "wall time, not a sum over calls: {waited}");
    }
}

#[test]
fn time_spent_waiting_for_retries_counts_once() {
    let story = Story::with(|_| lie(503, &[("retry-after", "1")], ""));
    job(&story.story, "maxAttempts = 100\norgPatience = '3s'");
    let entries = (0..10).map(|no| zscaler(&format!("0oa{no}")));
    story.story.manifest(entries);
    story.story.run().exits(3);
    let report = story.story.report();
    let waited = report["orgs"][0]["waitedMs"].as_u64().unwrap();
    assert!((1_500..=4_000).contains(&waited), "{waited}");
}
