-- What is remembered of apps changes with most checkpoints: of half the size, it takes half as many pages.

CREATE TABLE org_url (
    no  INTEGER PRIMARY KEY,
    url TEXT    NOT NULL UNIQUE
) STRICT;

CREATE TABLE app (
    org        INTEGER NOT NULL,   -- org_url.no
    id         TEXT    NOT NULL,   -- Okta's
    hmac       BLOB,               -- keyed HMAC of the secrets it was last set with; null = not known
    key_id     BLOB,               -- first eight bytes of that key's SHA-256; null = made before keys had ids
    applied    BLOB,               -- digest of what was wanted when it was last as wanted; null = it never was,
                                   -- empty = that does not hold any more
    applied_by INTEGER,            -- entry.key that found or made it so; null = not known
    moving_by  INTEGER,            -- entry.key that began to change that, and did not end
    connected  INTEGER NOT NULL,   -- 1 = its connection was once active
    PRIMARY KEY (org, id)
) STRICT, WITHOUT ROWID;

INSERT INTO org_url (url) SELECT DISTINCT org_url FROM fingerprint;
INSERT INTO app
    SELECT no, app_id, CASE length(hmac) WHEN 64 THEN unhex(hmac) END, unhex(key_id), unhex(applied),
        applied_by, moving_by, connected
    FROM fingerprint JOIN org_url ON url = org_url;
DROP TABLE fingerprint;
