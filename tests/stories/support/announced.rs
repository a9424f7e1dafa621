//! What a plan announces is what a run then asks of orgs.

use serde_json::Value;

use super::Scenario;

impl Scenario {
    /// The plan of `m.json`.
    pub fn plan(&self) -> Value {
        let plan = self.okta_rollout(&["plan", "m.json", "--format", "json"]);
        plan.exits(0).json()
    }

    /// Plans, and then runs with as many calls to these orgs as were announced. Returns the plan.
    #[track_caller]
    pub fn runs_as_announced(&self, orgs: &[&str], what: &str) -> Value {
        let plan = self.plan();
        for org in orgs {
            self.all_calls(org);
        }
        self.run().exits(0);
        let planned = plan["orgs"].as_array().unwrap();
        for org in orgs {
            let planned = planned.iter().find(|planned| planned["org"] == *org);
            let made = self.all_calls(org).len() as u64;
            assert_eq!(planned.unwrap()["total"], made, "{what}: {org}");
        }
        plan
    }
}
