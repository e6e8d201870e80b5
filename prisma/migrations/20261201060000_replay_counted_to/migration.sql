-- The last event that a replay counted; null: its total is exact. A worker of the release before leaves it alone.
alter table bulk_retry add column counted_to uuid;
