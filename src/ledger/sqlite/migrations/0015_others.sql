-- What others were seen to take of a rate limit comes back with the process that goes on: they get their calls from its
-- first window on.

CREATE TABLE others (
    org_url    TEXT    NOT NULL,
    bucket     TEXT    NOT NULL,      -- Okta's name of it, after a method that has a window of its own
    per_second REAL    NOT NULL,      -- calls, in the busiest of the last windows
    unsure     INTEGER NOT NULL,      -- 1 = they needed more than could be seen
    until      INTEGER NOT NULL,      -- how long that counts, ms since the epoch by the local clock
    left_ms    INTEGER NOT NULL,      -- how far ahead that was when it was noted: clocks are set
    PRIMARY KEY (org_url, bucket)
) STRICT, WITHOUT ROWID;
