-- Which key a fingerprint was made with, so that the key can be replaced without setting every connection
-- anew: hex of the first eight bytes of the key's SHA-256. Null: made before keys had ids.

ALTER TABLE fingerprint ADD COLUMN key_id TEXT;

-- What later runs took over is counted apart from what waits: a few entries of a run at most.

CREATE INDEX entry_adopted ON entry (run, org) WHERE adopted_by IS NOT NULL;
