-- Makes one weekly partition of event, delivery or attempt. It runs with the rights of the tables' owner, so that a role that
-- may only read and write rows can keep partitions ahead. The bounds are Unix milliseconds; null: from the beginning.
create function make_partition(parent text, lower_ms bigint, upper_ms bigint) returns void
language plpgsql security definer set search_path from current set lock_timeout = '200ms' as $$
declare
  name text := parent || '_until_' || to_char(to_timestamp(upper_ms / 1000.0) at time zone 'UTC', 'YYYYMMDD');
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

revoke all on function make_partition(text, bigint, bigint) from public;
