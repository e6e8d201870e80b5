-- Who is told, of what, and what waits to be sent. A notice is deleted when it was sent.
create type notice_recipient_kind as enum ('EMAIL', 'SLACK', 'TEAMS');

-- Without a tenant: the operators, whose addresses are settings of the deployment.
create table notice_recipient (
  id uuid primary key default uuidv7(),
  tenant_id uuid references tenant (id) on delete cascade,
  kind notice_recipient_kind not null,
  sealed bytea,
  hint text not null,
  created_at timestamptz(3) not null default now(),
  next_at timestamptz(3) not null default now(),
  lease_until timestamptz(3),
  failures int not null default 0,
  last_sent_at timestamptz(3),
  last_failed_at timestamptz(3),
  last_error text
);
create index notice_recipient_tenant on notice_recipient (tenant_id, id);
create unique index notice_recipient_operators on notice_recipient (kind) where tenant_id is null;

-- Without a tenant: the gateway itself.
create table notice_incident (
  id uuid primary key,
  tenant_id uuid references tenant (id) on delete cascade,
  endpoint_id uuid,
  kind text not null,
  began_at timestamptz(3) not null,
  last_at timestamptz(3) not null,
  ended_at timestamptz(3),
  ended_because text,
  dead_letters int not null default 0,
  details jsonb not null default '{}'
);
create unique index notice_incident_open on notice_incident (endpoint_id, kind) nulls not distinct where ended_at is null;
create index notice_incident_tenant on notice_incident (tenant_id);

create table notice (
  id uuid primary key default uuidv7(),
  recipient_id uuid not null references notice_recipient (id) on delete cascade,
  incident_id uuid references notice_incident (id) on delete cascade,
  phase text not null,
  created_at timestamptz(3) not null default now()
);
create unique index notice_once on notice (recipient_id, incident_id, phase);
create index notice_incident_id on notice (incident_id);
