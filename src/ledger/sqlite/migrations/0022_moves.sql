-- A ledger is the same wherever it is moved. What it moved away from can still be read.

CREATE TABLE ledger (
    id       TEXT    NOT NULL,    -- tells it from others
    arrived  BLOB,                -- what it was when all of it had been moved here; null = it began here
    moved_to TEXT,                -- where it is now; null = here
    moved_at INTEGER              -- since when, ms since the epoch
) STRICT;
INSERT INTO ledger (id) VALUES (lower(hex(randomblob(16))));
