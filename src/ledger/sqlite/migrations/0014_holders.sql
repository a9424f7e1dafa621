-- Who works on a run is in the ledger as well as in a lock beside it, and so is a mark of that process: a ledger that was
-- replaced by an older copy does not have it.

ALTER TABLE run ADD COLUMN holder TEXT;    -- JSON
ALTER TABLE run ADD COLUMN mark   BLOB;
