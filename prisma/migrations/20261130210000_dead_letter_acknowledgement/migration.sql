-- The dead letters of one endpoint and cause that somebody has looked at: those that gave up by `up_to`. One that gives up later
-- makes them count again.
create table dead_letter_acknowledgement (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null references tenant (id) on delete cascade,
  endpoint_id uuid not null,
  error_code text,
  status_code int,
  up_to timestamptz(3) not null,
  acknowledged_at timestamptz(3) not null default now(),
  acknowledged_by text not null
);
create unique index dead_letter_acknowledgement_cause
  on dead_letter_acknowledgement (endpoint_id, error_code, status_code) nulls not distinct;
create index dead_letter_acknowledgement_tenant on dead_letter_acknowledgement (tenant_id);
