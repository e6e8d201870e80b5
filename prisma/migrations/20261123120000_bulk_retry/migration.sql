-- Statistics. What is recorded is tallied by appending, which waits for nobody; a round of the workers adds the tallies
-- up. `latencies` are buckets of a logarithmic scale (src/domain/latency-histogram.ts), one per attempt.
create table delivery_tally (
  tenant_id uuid not null,
  endpoint_id uuid not null,
  minute timestamptz(0) not null,
  succeeded int not null default 0,
  dead_lettered int not null default 0,
  failed_attempts int not null default 0,
  latencies smallint[] not null default '{}'
);
create index delivery_tally_tenant_id_endpoint_id_idx on delivery_tally (tenant_id, endpoint_id);

-- `scope_id` is an endpoint or a tenant, `seconds` the length of the time that begins at `start`. `measure`: a bucket of
-- the scale, or -1 succeeded, -2 dead-lettered, -3 failed attempts.
create table statistic (
  scope_id uuid not null,
  seconds smallint not null,
  start timestamptz(0) not null,
  measure smallint not null,
  count int not null,
  primary key (scope_id, seconds, start, measure)
) with (fillfactor = 70);
create index statistic_seconds_start_idx on statistic (seconds, start);

create type bulk_retry_status as enum ('RUNNING', 'PAUSED', 'COMPLETED', 'CANCELLED');

-- `as_of` sees the dead letters that are taken; those up to `walked_to` were. `ended` counts the retried ones that came
-- to an end, whichever.
create table bulk_retry (
  id uuid primary key default uuidv7(),
  tenant_id uuid not null references tenant (id),
  status bulk_retry_status not null default 'RUNNING',
  filter jsonb not null,
  as_of pg_snapshot not null,
  total int not null,
  retried int not null default 0,
  succeeded int not null default 0,
  dead_lettered int not null default 0,
  ended int not null default 0,
  max_per_second int,
  paced_until timestamptz(6) not null default now(),
  walked_to uuid not null default '00000000-0000-0000-0000-000000000000',
  walked boolean not null default false,
  created_by text not null,
  created_at timestamptz(3) not null default now(),
  completed_at timestamptz(3)
);
create index bulk_retry_tenant_id_id_idx on bulk_retry (tenant_id, id);
create index bulk_retry_running on bulk_retry (id) where status = 'RUNNING';

-- What became of retried deliveries and was not added to their bulk retry yet.
create table bulk_retry_tally (
  bulk_retry_id uuid not null,
  succeeded int not null,
  dead_lettered int not null,
  ended int not null
);
create index bulk_retry_tally_bulk_retry_id_idx on bulk_retry_tally (bulk_retry_id);

-- Set while a delivery that a bulk retry put back has not come to its end.
alter table delivery add column bulk_retry_id uuid;

-- How far the attempt of a test is, step by step.
create table test_step (
  delivery_id uuid not null,
  attempt int not null,
  step text not null,
  at_ms double precision not null,
  created_at timestamptz(3) not null default now(),
  primary key (delivery_id, attempt, step)
);
create index test_step_created_at_idx on test_step (created_at);

-- What was recorded before there were tallies.
insert into delivery_tally (tenant_id, endpoint_id, minute, succeeded, dead_lettered)
select tenant_id, endpoint_id, date_trunc('minute', completed_at),
  count(*) filter (where status = 'SUCCEEDED'), count(*) filter (where status = 'DEAD_LETTERED')
from delivery
where not test and status in ('SUCCEEDED', 'DEAD_LETTERED') and completed_at > now() - interval '61 days'
group by 1, 2, 3;

insert into delivery_tally (tenant_id, endpoint_id, minute, failed_attempts, latencies)
select a.tenant_id, a.endpoint_id, date_trunc('minute', a.started_at), count(*) filter (where a.error_code is not null),
  array_agg(case when a.latency_ms < 1 then 0 else least(200, 1 + floor(ln(a.latency_ms) / ln(1.1::float8))) end::smallint)
from attempt a
where a.trigger <> 'TEST' and a.started_at > now() - interval '61 days'
group by 1, 2, 3;
