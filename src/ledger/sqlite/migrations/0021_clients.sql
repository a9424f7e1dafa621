-- The service app that a connection signs in as in its hub: found or made once, and known by its id from then on.

ALTER TABLE app ADD COLUMN hub INTEGER;    -- org_url.no of the hub; null = it has none
ALTER TABLE app ADD COLUMN client TEXT;    -- its client_id there
