-- Deliveries of one subject, one at a time. Those of an endpoint with the ordering SUBJECT stand in a line: `line_position` is
-- the sequence of the event, infinity without one. Until a claim lets the first of a line go, its next_attempt_at is null, so
-- that a claim never walks over what waits. One that fails holds its line until `holds_line_until`.
create type ordering as enum ('NONE', 'SUBJECT');
alter table endpoint add column ordering ordering not null default 'NONE';
create index endpoint_ordered on endpoint (id) where ordering = 'SUBJECT' and deleted_at is null;

alter table delivery add column line_position double precision, add column holds_line_until timestamptz(3);
-- What waits in a line has this reason, and what has ended has no next_attempt_at. Statements say no more than that, so that no
-- plan takes the index of what is due for them.
create index delivery_line on delivery (endpoint_id, subject, line_position, event_id) where reason = 'waits_for_subject';
create index delivery_line_moving on delivery (endpoint_id, subject)
  where line_position is not null and next_attempt_at is not null;
create index delivery_line_holding on delivery (endpoint_id, holds_line_until)
  where holds_line_until is not null and next_attempt_at is not null and reason is null;

-- A line to look at: something joined it, or left it. It commits with that. A claim takes it, looks, and lets the first go.
create table subject_wake_up (
  endpoint_id uuid not null,
  id uuid not null default uuidv7(),
  subject text not null,
  primary key (endpoint_id, id)
);
alter table subject_wake_up set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- What is due at the same moment goes by id.
create index delivery_due_by_id on delivery (endpoint_id, test, next_attempt_at, id) where status = 'PENDING';
drop index delivery_due;
