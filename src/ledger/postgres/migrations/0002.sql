-- What a ledger was moved away from can still be read.

ALTER TABLE ledger
    ADD COLUMN arrived  bytea,  -- what it was when all of it had been moved here; null = it began here
    ADD COLUMN moved_to text,   -- where it is now; null = here
    ADD COLUMN moved_at bigint; -- since when, ms since the epoch

-- Closes tables to whoever had the ledger open when it was moved: see moves.rs.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    SELECT moved_at || ' ' || moved_to INTO said FROM okta_rollout.ledger;
    RAISE EXCEPTION USING ERRCODE = 'OR001', MESSAGE = said;
END
$$;
