-- A week is made in the tablespace of its table, as Postgres does for a partition that is made with the table's name. `like` alone
-- leaves it out, so weeks went to the default tablespace after `alter table delivery set tablespace …`. Indexes follow by `like`.
create or replace function make_partition(parent text, lower_ms bigint, upper_ms bigint) returns void
language plpgsql security definer set search_path from current set lock_timeout = '200ms' as $$
declare
  upper_at timestamp := to_timestamp(upper_ms / 1000.0) at time zone 'UTC';
  name text := parent || '_until_' || to_char(upper_at, case when upper_at = date_trunc('day', upper_at) then 'YYYYMMDD' else 'YYYYMMDD_HH24MISS' end);
  lower_bound text := case when lower_ms is null then 'minvalue'
    else quote_literal((lpad(to_hex(lower_ms), 12, '0') || repeat('0', 20))::uuid) end;
  -- Null: the default of the session.
  room text := (select spcname from pg_tablespace where oid = (select reltablespace from pg_class where oid = parent::regclass));
  upper_bound text := quote_literal((lpad(to_hex(upper_ms), 12, '0') || repeat('0', 20))::uuid);
begin
  if parent is null or parent not in ('event', 'delivery', 'attempt', 'search_term') or upper_ms is null or upper_ms <= coalesce(lower_ms, 0) then
    raise exception 'expected event, delivery, attempt or search_term and a time that ends after it begins, came %, %, %',
      parent, lower_ms, upper_ms using errcode = '22023';
  end if;
  -- One at a time. Made and attached, or neither; who comes second finds it made.
  perform pg_advisory_xact_lock(7314552003);
  -- Claims update leases in place where a page of delivery has room for it.
  execute format('create table if not exists %I (like %I including all) %s %s', name, parent,
    case when parent = 'delivery' then 'with (fillfactor = 70)' else '' end, coalesce('tablespace ' || quote_ident(room), ''));
  if not exists (select 1 from pg_inherits where inhrelid = name::regclass) then
    execute format('alter table %I attach partition %I for values from (%s) to (%s)', parent, name, lower_bound, upper_bound);
  end if;
end $$;
