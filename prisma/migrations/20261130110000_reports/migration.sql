-- What happened to endpoints and deliveries, and somebody may want to be told of. Appended together with what happened; a
-- worker takes the rows, oldest first, and makes operational events of them.
create table report (
  id uuid primary key default uuidv7(),
  at timestamptz(3) not null default now(),
  kind text not null,
  tenant_id uuid,
  endpoint_id uuid,
  details jsonb not null default '{}'
);

-- `warned_since`: when the failures began of which the gateway warned. `behind_since`: since when it has told of a growing
-- backlog. `rotation_told_for`: the signing secret of whose age it has told.
alter table endpoint_health
  add column warned_since timestamptz(3),
  add column behind_since timestamptz(3),
  add column rotation_told_for uuid;
create index endpoint_health_behind on endpoint_health (endpoint_id) where behind_since is not null;
