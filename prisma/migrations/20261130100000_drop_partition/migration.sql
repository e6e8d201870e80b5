-- Removes one partition of event, delivery or attempt with the rights of the tables' owner, for a role that may not detach
-- partitions itself. Nobody else uses the table meanwhile, so what it checks stays true. False: deliveries in it still wait
-- to be sent, and nothing was removed.
create function drop_partition(parent text, child text) returns boolean
language plpgsql security definer set search_path from current set lock_timeout = '200ms' as $$
declare
  waits boolean := false;
begin
  if parent is null or parent not in ('event', 'delivery', 'attempt') or not exists (
    select 1 from pg_inherits where inhparent = parent::regclass and inhrelid = to_regclass(format('%I', child))) then
    raise exception 'expected event, delivery or attempt and the name of one of its partitions, came %, %', parent, child
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

revoke all on function drop_partition(text, text) from public;

-- The same as before, with one difference: a partition that does not end at midnight has the time of its end in its name.
create or replace function make_partition(parent text, lower_ms bigint, upper_ms bigint) returns void
language plpgsql security definer set search_path from current set lock_timeout = '200ms' as $$
declare
  upper_at timestamp := to_timestamp(upper_ms / 1000.0) at time zone 'UTC';
  name text := parent || '_until_' || to_char(upper_at, case when upper_at = date_trunc('day', upper_at) then 'YYYYMMDD' else 'YYYYMMDD_HH24MISS' end);
  lower_bound text := case when lower_ms is null then 'minvalue'
    else quote_literal((lpad(to_hex(lower_ms), 12, '0') || repeat('0', 20))::uuid) end;
  upper_bound text := quote_literal((lpad(to_hex(upper_ms), 12, '0') || repeat('0', 20))::uuid);
begin
  if parent is null or parent not in ('event', 'delivery', 'attempt') or upper_ms is null or upper_ms <= coalesce(lower_ms, 0) then
    raise exception 'expected event, delivery or attempt and a time that ends after it begins, came %, %, %',
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
