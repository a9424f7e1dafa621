//! The starts of jobs that have a schedule, and starts that failed before a run began.

use super::Store;
use crate::ledger::{FailedStart, NewRun, Result, Scheduled, Starts};
use crate::model::RunId;

impl Store {
    pub async fn schedule(&self, job: &str) -> Result<Option<Starts>> {
        let _ = job;
        todo_stub!()
    }

    pub async fn schedules(&self) -> Result<Vec<Scheduled>> {
        todo_stub!()
    }

    pub async fn move_schedule(
        &self,
        job: &str,
        was: Option<Starts>,
        starts: Starts,
    ) -> Result<bool> {
        let _ = (job, was, starts);
        todo_stub!()
    }

    pub async fn forget_schedule(&self, job: &str) -> Result<()> {
        let _ = job;
        todo_stub!()
    }

    pub async fn add_failed_start(&self, run: NewRun, why: FailedStart) -> Result<RunId> {
        let _ = (run, why);
        todo_stub!()
    }
}
