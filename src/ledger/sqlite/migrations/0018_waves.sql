-- What has become of a run's waves. Which orgs are in one, and what it waits for, is in the run's context; whether it was
-- halted follows from the orgs' sums.

CREATE TABLE wave (
    run         INTEGER NOT NULL,
    no          INTEGER NOT NULL,      -- place in the run, from 0
    started_at  INTEGER,               -- ms since the epoch by the local clock, as every time here
    finished_at INTEGER,               -- when every entry of it was done, failed or waiting: its soak begins
    approved_at INTEGER,               -- when a person let it begin
    passed_at   INTEGER,               -- when a person had the run continue in spite of its failures
    PRIMARY KEY (run, no)
) STRICT, WITHOUT ROWID;
