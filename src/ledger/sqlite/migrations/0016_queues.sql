-- An entry may have steps in another org, its hub: it stands in that org's queue meanwhile.

ALTER TABLE entry ADD COLUMN queue INTEGER;    -- org.no in whose queue it stands; null = its own org's
CREATE INDEX entry_away ON entry (run, queue, state) WHERE queue IS NOT NULL;
ALTER TABLE org ADD COLUMN hub INTEGER NOT NULL DEFAULT 0;    -- 1 = entries of other orgs have steps there
