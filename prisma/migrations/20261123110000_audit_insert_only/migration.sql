-- Who did what stays as it was written: nothing that speaks to this database as the application changes or removes an
-- entry. What retention takes, the owner takes by hand (docs/security.md).
create function audit_entry_refuse() returns trigger language plpgsql as $$
begin
  raise exception 'audit_entry is insert-only: % is refused', tg_op
    using errcode = 'insufficient_privilege', hint = 'docs/security.md says how its owner removes old entries.';
end $$;
create trigger audit_entry_insert_only before update or delete or truncate on audit_entry
  for each statement execute function audit_entry_refuse();

-- Sealing an endpoint's secrets anew under another key changes nothing that anybody can see: a transaction that says so
-- (set local sivo.rewrapping = 'on') leaves revision, time and change feed alone.
create or replace function endpoint_stamp() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and current_setting('sivo.rewrapping', true) = 'on' then
    return new;
  end if;
  new.changed_xid := pg_current_xact_id();
  if tg_op = 'UPDATE' then
    new.revision := old.revision + 1;
    new.updated_at := now();
  end if;
  return new;
end $$;
create or replace function signing_secret_touch() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and current_setting('sivo.rewrapping', true) = 'on' then
    return null;
  end if;
  update endpoint set revision = revision where id = coalesce(new.endpoint_id, old.endpoint_id);
  return null;
end $$;
