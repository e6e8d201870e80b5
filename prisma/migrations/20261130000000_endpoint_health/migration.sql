-- Whether the receiver of an endpoint works. The statement that records attempts appends to the tallies what its own rows
-- show; the round that adds the tallies up keeps one row for each endpoint.
alter table delivery_tally
  add column last_success_at timestamptz(3),
  add column last_failure_at timestamptz(3),
  add column failing_from timestamptz(3),
  add column failures_in_a_row int not null default 0,
  add column failed_deliveries int not null default 0;

create type endpoint_health_state as enum ('UNKNOWN', 'HEALTHY', 'FAILING');

-- `failing_since` is the first failure after the last success, also before the state is FAILING. Attempts that began at
-- `counts_from` or earlier say nothing: they went to another URL, or the endpoint was resumed since.
create table endpoint_health (
  endpoint_id uuid primary key references endpoint (id) on delete cascade,
  tenant_id uuid not null,
  state endpoint_health_state not null default 'UNKNOWN',
  failing_since timestamptz(3),
  last_success_at timestamptz(3),
  last_failure_at timestamptz(3),
  consecutive_failures int not null default 0,
  failed_deliveries int not null default 0,
  counts_from timestamptz(3)
) with (fillfactor = 70);
create index endpoint_health_failing on endpoint_health (failing_since) where state = 'FAILING';

-- Three kinds of updates do not concern the settings of an endpoint. Sealing its secrets again under another key is seen by
-- nobody. The time that its receiver asks to wait, and a new stamp alone (its health changed), are seen by the change feed;
-- they leave revision and updated_at as they are.
create or replace function endpoint_stamp() returns trigger language plpgsql as $$
declare
  quiet constant text[] := '{asks_to_wait_until,changed_xid}';
begin
  if tg_op = 'UPDATE' then
    if current_setting('sivo.rewrapping', true) = 'on' then
      return new;
    end if;
    if new.url <> old.url or (new.status = 'ACTIVE' and old.status <> 'ACTIVE') then
      new.asks_to_wait_until := null;
    end if;
    if (new.asks_to_wait_until, new.changed_xid) is not distinct from (old.asks_to_wait_until, old.changed_xid)
      or to_jsonb(new) - quiet is distinct from to_jsonb(old) - quiet then
      new.revision := old.revision + 1;
      new.updated_at := now();
    end if;
  end if;
  new.changed_xid := pg_current_xact_id();
  return new;
end $$;
