-- What the gateway did about an endpoint that fails: 0 nothing, 1 it warned, 2 it warned again shortly before disabling.
alter table endpoint_health add column warned smallint not null default 0;
create index endpoint_health_warned on endpoint_health (endpoint_id) where warned > 0;

-- One row: when failing endpoints were last looked at, and whether so many hosts fail that our own network is to blame.
-- Failures before `trusted_from` do not count against an endpoint.
create table health_watch (
  one boolean primary key default true check (one),
  checked_at timestamptz(3) not null default now(),
  braked_since timestamptz(3),
  trusted_from timestamptz(3)
);
