-- What tells a change made by hand from one of the manifest, and a consent that was given from one that
-- never was.

ALTER TABLE fingerprint ADD COLUMN applied TEXT;    -- digest of what was wanted when the app was last as wanted
ALTER TABLE fingerprint ADD COLUMN connected INTEGER NOT NULL DEFAULT 0;    -- 1 = its connection was once active
