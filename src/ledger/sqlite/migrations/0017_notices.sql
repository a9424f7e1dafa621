-- Whoever is notified of an org or a wave is so once a run, whatever processes work on it, and what did not arrive is
-- named by those who look later.

CREATE TABLE notice (
    no           INTEGER PRIMARY KEY, -- in the order in which they were begun
    run          INTEGER NOT NULL,    -- run.seq
    id           TEXT    NOT NULL UNIQUE,
    type         TEXT    NOT NULL,
    about        TEXT,                -- the org or the wave; null = the run
    entries      INTEGER NOT NULL,    -- that it spoke of
    at           INTEGER NOT NULL,
    delivered_at INTEGER,             -- null = not, or not yet
    error        TEXT                 -- why not; null while it is tried
) STRICT;

CREATE INDEX notice_run ON notice (run);
