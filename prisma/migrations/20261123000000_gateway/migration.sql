create type role as enum ('OPERATOR', 'PUBLISHER', 'ADMIN', 'VIEWER');
create type endpoint_status as enum ('ACTIVE', 'PAUSED', 'DISABLED');
create type delivery_status as enum ('PENDING', 'SUCCEEDED', 'FAILED', 'DEAD_LETTERED', 'CANCELLED');
create type attempt_trigger as enum ('INITIAL', 'RETRY', 'MANUAL', 'TEST');

create table tenant (
  id uuid primary key default uuidv7(),
  name text not null,
  created_at timestamptz(3) not null default now(),
  payload_retention_days int
);

create table api_key (
  id uuid primary key default uuidv7(),
  tenant_id uuid references tenant (id),
  name text not null,
  role role not null,
  hint text not null,
  secret_hash bytea not null,
  created_at timestamptz(3) not null default now(),
  last_used_at timestamptz(3),
  expires_at timestamptz(3),
  revoked_at timestamptz(3)
);
create unique index api_key_secret_hash_key on api_key (secret_hash);
create index api_key_tenant_id_id_idx on api_key (tenant_id, id);

create table console_link (
  id uuid primary key default uuidv7(),
  tenant_id uuid references tenant (id),
  role role not null,
  name text not null,
  token_hash bytea not null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  used_at timestamptz(3)
);
create unique index console_link_token_hash_key on console_link (token_hash);

create table session (
  id uuid primary key default uuidv7(),
  tenant_id uuid references tenant (id),
  role role not null,
  name text not null,
  token_hash bytea not null,
  created_at timestamptz(3) not null default now(),
  expires_at timestamptz(3) not null,
  revoked_at timestamptz(3)
);
create unique index session_token_hash_key on session (token_hash);
create index session_tenant_id_id_idx on session (tenant_id, id);

create table endpoint (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null references tenant (id),
  name text not null,
  url text not null,
  status endpoint_status not null default 'ACTIVE',
  disabled_reason text,
  event_types text[] not null default '{}',
  condition text,
  headers jsonb not null default '[]',
  max_in_flight int,
  rate_limit_per_second int,
  revision int not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3),
  changed_xid xid8 not null default pg_current_xact_id()
);
create index endpoint_tenant_id_id_idx on endpoint (tenant_id, id);
create index endpoint_fan_out on endpoint (tenant_id) where deleted_at is null;
create index endpoint_changed on endpoint (changed_xid);

-- Whatever changes an endpoint, the change feed sees it and the next attempt reads it anew.
create function endpoint_stamp() returns trigger language plpgsql as $$
begin
  new.changed_xid := pg_current_xact_id();
  if tg_op = 'UPDATE' then
    new.revision := old.revision + 1;
    new.updated_at := now();
  end if;
  return new;
end $$;
create trigger endpoint_stamp before insert or update on endpoint for each row execute function endpoint_stamp();

create table signing_secret (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null references tenant (id),
  endpoint_id uuid not null references endpoint (id),
  sealed bytea not null,
  hint text not null,
  created_at timestamptz(3) not null default now(),
  active_from timestamptz(3) not null
);
create index signing_secret_endpoint_id_idx on signing_secret (endpoint_id);

-- A changed secret is a changed endpoint: its revision rises in the same transaction.
create function signing_secret_touch() returns trigger language plpgsql as $$
begin
  update endpoint set revision = revision where id = coalesce(new.endpoint_id, old.endpoint_id);
  return null;
end $$;
create trigger signing_secret_touch after insert or update or delete on signing_secret
  for each row execute function signing_secret_touch();

create table event (
  id uuid primary key,
  tenant_id uuid not null,
  type text not null,
  subject text,
  sequence int,
  test boolean not null default false,
  occurred_at timestamptz(3) not null,
  created_at timestamptz(3) not null default now(),
  body text,
  changed_xid xid8 not null default pg_current_xact_id()
) partition by range (id);
create index event_tenant_id_id_idx on event (tenant_id, id);
create index event_changed on event (tenant_id, changed_xid);
create index event_subject on event (tenant_id, subject, id) where subject is not null;

create table delivery (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null,
  event_id uuid not null,
  endpoint_id uuid not null,
  event_type text not null,
  subject text,
  test boolean not null default false,
  status delivery_status not null default 'PENDING',
  reason text,
  attempt_count int not null default 0,
  cycle_start int not null default 0,
  max_attempts int not null,
  manual boolean not null default false,
  resend boolean not null default false,
  next_attempt_at timestamptz(3),
  last_status_code int,
  last_error_code text,
  last_latency_ms int,
  created_at timestamptz(3) not null default now(),
  completed_at timestamptz(3),
  lease_token uuid,
  lease_until timestamptz(3),
  lease_by uuid,
  gated boolean not null default false,
  suspect boolean not null default false,
  sent_alone boolean not null default false,
  crash_count int not null default 0,
  changed_xid xid8 not null default pg_current_xact_id()
) partition by range (id);
create index delivery_tenant_id_id_idx on delivery (tenant_id, id);
create index delivery_endpoint_id_id_idx on delivery (endpoint_id, id);
create index delivery_event_id_idx on delivery (event_id);
create index delivery_changed on delivery (tenant_id, changed_xid);
-- What a claim walks: the lease columns stay out of it, so that taking a lease can be a HOT update.
create index delivery_due on delivery (endpoint_id, test, next_attempt_at) where status = 'PENDING';
create index delivery_dead on delivery (tenant_id, id) where status = 'DEAD_LETTERED';
create index delivery_gated on delivery (endpoint_id) where gated;

create table attempt (
  id uuid primary key default uuidv7(),
  delivery_id uuid not null,
  tenant_id uuid not null,
  endpoint_id uuid not null,
  number int not null,
  trigger attempt_trigger not null,
  started_at timestamptz(3) not null,
  latency_ms int not null,
  url text not null,
  status_code int,
  error_code text,
  error_message text,
  request_headers text not null,
  response_headers text,
  response_body text,
  response_body_truncated boolean not null default false,
  dns_ms real,
  connect_ms real,
  tls_ms real,
  first_byte_ms real,
  total_ms real not null
) partition by range (id);
create index attempt_delivery_id_number_idx on attempt (delivery_id, number);

create table idempotency_key (
  tenant_id uuid not null,
  key text not null,
  event_id uuid not null,
  fingerprint bytea not null,
  created_at timestamptz(3) not null default now(),
  primary key (tenant_id, key)
);
create index idempotency_key_created_at_idx on idempotency_key (created_at);

create table endpoint_gate (
  endpoint_id uuid primary key references endpoint (id),
  tat timestamptz(6) not null default now()
);

create table worker_process (
  id uuid primary key,
  instance uuid not null,
  role text not null,
  host text not null,
  version text not null,
  pool_ids text[] not null default '{}',
  started_at timestamptz(3) not null default now(),
  beat_at timestamptz(3) not null default now(),
  suspect_since timestamptz(3),
  died_at timestamptz(3)
);

create table audit_entry (
  id uuid primary key default uuidv7(),
  tenant_id uuid references tenant (id),
  at timestamptz(3) not null default now(),
  actor text not null,
  action text not null,
  target_id text,
  details jsonb
);
create index audit_entry_tenant_id_id_idx on audit_entry (tenant_id, id);

-- Bounds of a UUIDv7 partition: the smallest id of a moment.
create function uuidv7_floor(at timestamptz) returns uuid language sql immutable strict as $$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;
