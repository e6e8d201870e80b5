-- Nothing calls it: the bounds of partitions are computed where the partitions are made.
drop function if exists uuidv7_floor(timestamptz);
