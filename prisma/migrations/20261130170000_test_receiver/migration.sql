-- A receiver for each tenant that wants one, to try deliveries with, and the last requests that came to it. The path of its
-- URL ends with `token`.
create table test_receiver (
  tenant_id uuid primary key references tenant (id) on delete cascade,
  token text not null unique,
  status_code int not null default 200,
  delay_ms int not null default 0,
  retry_after_seconds int,
  created_at timestamptz(3) not null default now()
);

create type received_signature as enum ('VALID', 'WRONG', 'OLD', 'MISSING', 'UNKNOWN_DELIVERY');

-- A request with a valid signature has the body of its event, which is not stored twice. Of one that was refused only the facts
-- stay: `headers` is an empty list.
create table received_request (
  id uuid primary key,
  tenant_id uuid not null references test_receiver (tenant_id) on delete cascade,
  received_at timestamptz(3) not null,
  signature received_signature not null,
  secret_hint text,
  delivery_id uuid,
  endpoint_id uuid,
  event_id uuid,
  attempt_number int,
  headers text not null,
  body_bytes int not null,
  status_code int not null,
  delay_ms int not null
);
create index received_request_tenant on received_request (tenant_id, id);
create index received_request_at on received_request (received_at);
