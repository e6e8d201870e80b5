-- Until when an event is of use; null: as long as the schedule lasts. A delivery has the time of its event, so that a claim
-- need not look at the event. Adding a column without a default rewrites no partition.
alter table event add column expires_at timestamptz(3);
alter table delivery add column expires_at timestamptz(3);
create index delivery_expiring on delivery (expires_at) where status = 'PENDING' and expires_at is not null;
