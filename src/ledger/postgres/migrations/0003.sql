-- Programs of an earlier format go on beside newer ones where the newer format lets them.

ALTER TABLE ledger
    ADD COLUMN works_with bigint NOT NULL DEFAULT 3;  -- the oldest format whose programs may use it
