-- The indexes of past weeks that were rebuilt (src/gateway/retention/pack-partitions.ts). Each is rebuilt once.
create table packed_index (
  name text primary key,
  packed_at timestamptz(3) not null default now(),
  bytes_before bigint not null,
  bytes_after bigint not null
);

-- Drops the indexes of one partition that a concurrent rebuilding has left behind, with the rights of the tables' owner: for a role
-- that may rebuild indexes and drop none. Whoever rebuilds now holds a lock, and keeps this from dropping its index.
create function drop_unfinished_indexes(child regclass) returns int
language plpgsql security definer set search_path from current set lock_timeout = '200ms' as $$
declare
  unfinished regclass;
  dropped int := 0;
begin
  if not exists (select 1 from pg_inherits
    where inhparent in ('event'::regclass, 'delivery'::regclass, 'attempt'::regclass) and inhrelid = child) then
    raise exception 'expected a partition of event, delivery or attempt, came %', child using errcode = '22023';
  end if;
  for unfinished in
    select x.indexrelid from pg_index x join pg_class c on c.oid = x.indexrelid
    where x.indrelid = child and not x.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$'
  loop
    execute format('drop index %s', unfinished);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;

revoke all on function drop_unfinished_indexes(regclass) from public;
