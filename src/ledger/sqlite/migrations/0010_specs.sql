-- What is wanted of an entry never changes: kept apart, it is not written again with every checkpoint that shares its
-- page.

CREATE TABLE spec (
    entry INTEGER PRIMARY KEY,     -- entry.key
    json  TEXT    NOT NULL         -- of the entry without its org's name
) STRICT;

INSERT INTO spec SELECT key, spec FROM entry;
ALTER TABLE entry DROP COLUMN spec;
