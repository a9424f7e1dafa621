-- An app has one consent link that works, the newest: whoever waits for an older one is found by it.

CREATE INDEX entry_waits ON entry (app_hash) WHERE consent IS NOT NULL;
