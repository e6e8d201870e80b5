-- What a tenant's own systems know an endpoint by. A deleted endpoint keeps its external id for readers, and frees it.
alter table endpoint add column external_id text, add column metadata jsonb not null default '{}';
create unique index endpoint_external_id on endpoint (tenant_id, external_id) where deleted_at is null;

-- The calls that may be repeated with an idempotency key, and what they made. Kept as long as those of events.
create table mutation_key (
  tenant_id uuid not null references tenant (id),
  mutation text not null,
  key text not null,
  target_id uuid not null,
  fingerprint bytea not null,
  created_at timestamptz(3) not null default now(),
  primary key (tenant_id, mutation, key)
);
create index mutation_key_created_at_idx on mutation_key (created_at);
