-- What is no longer in a run's file: JSON, null until the run has looked at all of the file. And how many of the changed
-- entries were deactivations.

ALTER TABLE run ADD COLUMN removed TEXT;
ALTER TABLE org ADD COLUMN deactivated INTEGER NOT NULL DEFAULT 0;
