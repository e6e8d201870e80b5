-- Tenants that move to another cell (docs/cells.md). The row says how far the move is, so that a later run goes on. `id` holds
-- the leases of deliveries that must not be sent meanwhile. Until `frozen_until` nothing of the tenant is written here; after that
-- time everything is as before, until the phase is SWITCHED: from then on the tenant is at `to_cell`. `copied_since`: what
-- transactions below this number wrote is at the target. `live_endpoints`: those that were not deleted at the switch.
create table tenant_move (
  tenant_id uuid primary key,
  id uuid not null default uuidv7(),
  phase text not null default 'COPYING' check (phase in ('COPYING', 'FROZEN', 'STILL', 'SWITCHED', 'MOVED')),
  to_cell text not null,
  copied_since xid8 not null default '0',
  frozen_until timestamptz(3),
  live_endpoints uuid[] not null default '{}',
  created_at timestamptz(3) not null default now(),
  moved_at timestamptz(3)
);

-- The hashes of keys and sessions of tenants that moved: they are told where the tenant is.
create table moved_credential (
  hash bytea primary key,
  tenant_id uuid not null
);

-- Refuses what is written for a tenant that moves. A move makes the triggers that call it, for its tenant alone, so writes of
-- cells where nobody moves cost nothing. Class 23: a batch with other tenants is split, and theirs is stored.
create function refuse_moving_tenant() returns trigger
language plpgsql security definer set search_path from current as $$
declare
  moving tenant_move;
begin
  if current_setting('sivo.moving', true) = new.tenant_id::text then return new; end if;
  select * into moving from tenant_move where tenant_id = new.tenant_id;
  if moving.phase in ('FROZEN', 'STILL') then
    if clock_timestamp() < moving.frozen_until then
      raise exception 'the tenant is moving to another cell' using errcode = '23SV1';
    end if;
    -- Its time is over. This waits for a switch that is being written, and no switch can be written until this write has ended.
    select * into moving from tenant_move where tenant_id = new.tenant_id for share;
  end if;
  if moving.phase in ('SWITCHED', 'MOVED') then
    -- Rounds over all tenants pass over deliveries that are at the target now.
    if tg_op = 'UPDATE' and tg_argv[0] = 'delivery' then return null; end if;
    -- The target takes writes when the tenant has arrived there, which MOVED says.
    if moving.phase = 'SWITCHED' then
      raise exception 'the tenant is moving to another cell' using errcode = '23SV1';
    end if;
    raise exception 'the tenant moved to the cell %', moving.to_cell using errcode = '23SV1';
  end if;
  return new;
end $$;
