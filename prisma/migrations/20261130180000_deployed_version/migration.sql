-- Which version of the gateway started when another one had started before it. People see it as a mark on their charts.
create table deployed_version (
  id uuid primary key default uuidv7(),
  version text not null,
  at timestamptz(3) not null default now()
);
