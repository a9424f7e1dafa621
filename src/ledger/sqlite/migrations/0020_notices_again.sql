-- Notices that the end of their process cut off are sent again by the next one: what they say, until then.

ALTER TABLE notice ADD COLUMN again BLOB;
