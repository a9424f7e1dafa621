-- What was started when, of jobs with a schedule, and starts that failed before a run began: a run without entries.

CREATE TABLE schedule (
    job        TEXT    PRIMARY KEY,    -- run.file_key of its runs
    until      INTEGER NOT NULL,       -- what was due up to then was dealt with
    queued     INTEGER,                -- when the start was due that waits for the run before to end
    started_at INTEGER                 -- the last one
) STRICT;
ALTER TABLE run ADD COLUMN failed TEXT;    -- JSON: why nothing of it began
