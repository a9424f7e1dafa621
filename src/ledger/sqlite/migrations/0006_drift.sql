-- Entries in which somebody had changed something by hand: found without looking into every row.

ALTER TABLE entry ADD COLUMN drifted INTEGER NOT NULL DEFAULT 0;
UPDATE entry SET drifted = 1 WHERE instr(progress, '"drift":[') > 0;
CREATE INDEX entry_drifted ON entry (run) WHERE drifted = 1;

-- Whose wishes an app may be like, so that each field tells whether a hand changed it or the manifest.

ALTER TABLE fingerprint ADD COLUMN applied_by INTEGER;    -- entry.key that found or made it so; null = not known
ALTER TABLE fingerprint ADD COLUMN moving_by INTEGER;     -- entry.key that began to change that, and did not end
