-- When a process last looked at an entry in Okta, and what of a run that is continued had ended before: nobody looks at
-- that again, and no report may read as if somebody had.

ALTER TABLE entry ADD COLUMN checked_at INTEGER;    -- of the last call that was answered; null = never
UPDATE entry SET checked_at = (SELECT at FROM call WHERE id = last_call) WHERE last_call IS NOT NULL;

ALTER TABLE run ADD COLUMN continued_at INTEGER;    -- when the last process continued it; null = only one worked on it
ALTER TABLE run ADD COLUMN ended_before INTEGER NOT NULL DEFAULT 0;    -- entries that were done or failed by then
