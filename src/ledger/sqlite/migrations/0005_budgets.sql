-- What a process that comes next must know of an org at once: windows of rate limits that are used up, and what
-- the org waits for.

CREATE TABLE budget (
    org_url TEXT    NOT NULL,
    bucket  TEXT    NOT NULL,         -- Okta's name of it, after a method that has a window of its own
    quota   INTEGER,                  -- requests a window; null = not known
    until   INTEGER NOT NULL,         -- when requests may go again, ms since the epoch by the local clock
    left_ms INTEGER NOT NULL,         -- how far ahead that was when it was noted: clocks are set
    PRIMARY KEY (org_url, bucket)
) STRICT, WITHOUT ROWID;

ALTER TABLE org ADD COLUMN wait TEXT; -- JSON; what its calls wait for until then, or did
