-- What an app instance is: looked at once, before anything is written to it.

ALTER TABLE app ADD COLUMN name TEXT;   -- Okta's, such as zscalerbyz; null = not seen yet
