//! Servers that lie, in the place of one of two orgs: every command that meets one ends, says why, and leaves the other
//! org as it would be without it.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Asked, Lie, Scenario, page, zscaler};

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
