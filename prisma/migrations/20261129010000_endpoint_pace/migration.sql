-- A receiver that says "slower": until when it asks the whole endpoint to wait, and what is known of its pace.
alter table endpoint add column asks_to_wait_until timestamptz(3);
alter table endpoint_gate
  add column refusing_since timestamptz(3),
  add column refused_at timestamptz(3),
  add column refused_rate double precision,
  add column paced_from timestamptz(3),
  add column paced_until timestamptz(3);
create index endpoint_gate_paced on endpoint_gate (paced_until) where paced_until is not null;

-- The time to wait says nothing about the endpoint's configuration: setting it leaves revision and updated_at alone. It was
-- asked for by the receiver behind the URL, so a new URL ends it, and so does a person who resumes the endpoint.
create or replace function endpoint_stamp() returns trigger language plpgsql as $$
begin
  new.changed_xid := pg_current_xact_id();
  if tg_op = 'UPDATE' then
    if new.url <> old.url or (new.status = 'ACTIVE' and old.status <> 'ACTIVE') then
      new.asks_to_wait_until := null;
    end if;
    if new.asks_to_wait_until is not distinct from old.asks_to_wait_until
      or to_jsonb(new) - '{asks_to_wait_until,changed_xid}'::text[] is distinct from to_jsonb(old) - '{asks_to_wait_until,changed_xid}'::text[] then
      new.revision := old.revision + 1;
      new.updated_at := now();
    end if;
  end if;
  return new;
end $$;
