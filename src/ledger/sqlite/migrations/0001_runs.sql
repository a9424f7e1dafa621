-- Runs, their orgs and entries, the calls made, the consents settled, the secrets last set.
--
-- JSON columns hold what only Rust code looks into; what SQL looks up has a column of its own.

CREATE TABLE run (
    seq         INTEGER PRIMARY KEY,   -- order of creation, from 1; high half of entry.key
    id          TEXT    NOT NULL UNIQUE,
    file        TEXT    NOT NULL,
    file_key    TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    context     TEXT    NOT NULL,      -- JSON
    started_at  INTEGER NOT NULL,      -- ms since the epoch, as every time here
    finished_at INTEGER,
    imported    INTEGER NOT NULL       -- 0 while entries are still being added: invisible until then
) STRICT;

CREATE INDEX run_file ON run (file_key, seq);

CREATE TABLE org (
    run          INTEGER NOT NULL,     -- run.seq
    no           INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    url          TEXT    NOT NULL,
    spec         TEXT    NOT NULL,     -- JSON
    stopped      TEXT,                 -- JSON
    requests     INTEGER NOT NULL DEFAULT 0,
    rate_limited INTEGER NOT NULL DEFAULT 0,
    retries      INTEGER NOT NULL DEFAULT 0,
    waited_ms    INTEGER NOT NULL DEFAULT 0,
    -- Entries by state, kept by every commit: counting a million rows would take too long for a
    -- screen that is drawn every second.
    pending      INTEGER NOT NULL DEFAULT 0,
    started      INTEGER NOT NULL DEFAULT 0,
    waiting      INTEGER NOT NULL DEFAULT 0,
    changed      INTEGER NOT NULL DEFAULT 0,
    unchanged    INTEGER NOT NULL DEFAULT 0,
    failed       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, no)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
    key        INTEGER PRIMARY KEY,    -- run.seq << 32 | place in the run
    run        INTEGER NOT NULL,       -- run.seq, for the indexes
    org        INTEGER NOT NULL,       -- org.no
    line       INTEGER NOT NULL,       -- `row` of messages and reports
    state      INTEGER NOT NULL,       -- 0 pending, 1 started, 2 waiting, 3 unchanged, 4 changed, 5 failed
    version    INTEGER NOT NULL,       -- counts changes of the row
    spec       TEXT    NOT NULL,       -- JSON of the entry without its org's name
    progress   TEXT,                   -- JSON; null = nothing done yet
    due_at     INTEGER,
    error      TEXT,                   -- JSON
    app_hash   INTEGER,                -- first four bytes of SHA-256 of the app's id, once known
    consent    BLOB,                   -- SHA-256 of the `state` that is waited for
    adopted_by INTEGER                 -- run.seq of the later run that waits for the consent instead
) STRICT;

CREATE INDEX entry_window ON entry (run, org, state);
CREATE INDEX entry_app ON entry (run, org, app_hash) WHERE app_hash IS NOT NULL;
CREATE INDEX entry_consent ON entry (consent) WHERE consent IS NOT NULL;

CREATE TABLE attempt (
    entry           INTEGER NOT NULL,  -- entry.key
    at              INTEGER NOT NULL,
    step            TEXT    NOT NULL,  -- JSON
    call            TEXT    NOT NULL,
    http_status     INTEGER,
    okta_error_code TEXT,
    request_id      TEXT,
    duration_ms     INTEGER NOT NULL,
    next_at         INTEGER
) STRICT;

CREATE INDEX attempt_entry ON attempt (entry);

CREATE TABLE settled (
    consent  BLOB    PRIMARY KEY,      -- SHA-256 of a `state` that was handed in
    accepted INTEGER NOT NULL          -- whether Okta accepted it
) STRICT, WITHOUT ROWID;

CREATE TABLE fingerprint (
    org_url TEXT NOT NULL,
    app_id  TEXT NOT NULL,
    hmac    TEXT NOT NULL,
    PRIMARY KEY (org_url, app_id)
) STRICT, WITHOUT ROWID;
