-- The index of the search in events. A key is a hash of a tenant and a term; a background round writes it.
create table search_term (
  key bigint not null,
  event_id uuid not null,
  primary key (key, event_id)
) partition by range (event_id);

-- Events that are not in the index yet: a row for each statement that stored some. Rows come and go all the time.
create table search_backlog (
  event_ids uuid[] not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_insert_threshold = -1);

-- Events of before this release are put into the index from the newest to the oldest. A process of the release before may store
-- some for a while yet, so the walk begins later.
create table search_walk (
  below uuid not null
);
insert into search_walk select uuidv7(interval '10 minutes') where exists (select from event);

-- The same two functions as before, with one more table.
create or replace function drop_partition(parent text, child text) returns boolean
language plpgsql security definer set search_path from current set lock_timeout = '200ms' as $$
declare
  waits boolean := false;
begin
  if parent is null or parent not in ('event', 'delivery', 'attempt', 'search_term') or not exists (
    select 1 from pg_inherits where inhparent = parent::regclass and inhrelid = to_regclass(format('%I', child))) then
    raise exception 'expected event, delivery, attempt or search_term and the name of one of its partitions, came %, %', parent, child
      using errcode = '22023';
  end if;
  execute format('lock table only %I in access exclusive mode', parent);
  if parent = 'delivery' then
    execute format('select exists (select 1 from %I where status = ''PENDING'')', child) into waits;
    if waits then return false; end if;
  end if;
  execute format('drop table %I', child);
  return true;
end $$;

create or replace function make_partition(parent text, lower_ms bigint, upper_ms bigint) returns void
language plpgsql security definer set search_path from current set lock_timeout = '200ms' as $$
declare
  upper_at timestamp := to_timestamp(upper_ms / 1000.0) at time zone 'UTC';
  name text := parent || '_until_' || to_char(upper_at, case when upper_at = date_trunc('day', upper_at) then 'YYYYMMDD' else 'YYYYMMDD_HH24MISS' end);
  lower_bound text := case when lower_ms is null then 'minvalue'
    else quote_literal((lpad(to_hex(lower_ms), 12, '0') || repeat('0', 20))::uuid) end;
  upper_bound text := quote_literal((lpad(to_hex(upper_ms), 12, '0') || repeat('0', 20))::uuid);
begin
  if parent is null or parent not in ('event', 'delivery', 'attempt', 'search_term') or upper_ms is null or upper_ms <= coalesce(lower_ms, 0) then
    raise exception 'expected event, delivery, attempt or search_term and a time that ends after it begins, came %, %, %',
      parent, lower_ms, upper_ms using errcode = '22023';
  end if;
  -- One at a time. Made and attached, or neither; who comes second finds it made.
  perform pg_advisory_xact_lock(7314552003);
  -- Claims update leases in place: free room in each page of delivery keeps them HOT.
  execute format('create table if not exists %I (like %I including all) %s', name, parent,
    case when parent = 'delivery' then 'with (fillfactor = 40)' else '' end);
  if not exists (select 1 from pg_inherits where inhrelid = name::regclass) then
    execute format('alter table %I attach partition %I for values from (%s) to (%s)', parent, name, lower_bound, upper_bound);
  end if;
end $$;
