-- The calls of an entry are a chain: each knows the one before, the entry knows the last. An index would cost
-- every checkpoint a page; and rows need a key of their own, so that no VACUUM gives them others.

CREATE TABLE call (
    id              INTEGER PRIMARY KEY,
    entry           INTEGER NOT NULL,  -- entry.key
    previous        INTEGER,           -- call.id of the entry's call before, if there was one
    at              INTEGER NOT NULL,
    step            TEXT    NOT NULL,  -- JSON
    call            TEXT    NOT NULL,
    http_status     INTEGER,
    okta_error_code TEXT,
    request_id      TEXT,
    duration_ms     INTEGER NOT NULL,
    next_at         INTEGER
) STRICT;

INSERT INTO call SELECT rowid, entry, lag(rowid) OVER (PARTITION BY entry ORDER BY rowid),
    at, step, call, http_status, okta_error_code, request_id, duration_ms, next_at FROM attempt;
DROP TABLE attempt;

ALTER TABLE entry ADD COLUMN last_call INTEGER;    -- call.id
UPDATE entry SET last_call = last.id
    FROM (SELECT entry, max(id) AS id FROM call GROUP BY entry) AS last WHERE last.entry = entry.key;
