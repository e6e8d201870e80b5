-- What the headers of many attempts have in common (src/domain/header-form.ts), stored once for each week: so a form goes when
-- the attempts of its week are gone. `url` is that of the request; null for a reply.
create table header_form (
  id int primary key generated always as identity,
  week int not null,
  digest bytea not null,
  url text,
  headers text not null
);
create unique index header_form_week_digest_key on header_form (week, digest);

-- With a request form, `url` is empty and `request_headers` an empty list; with a response form, `response_headers` is null.
-- Columns without a default rewrite no partition.
alter table attempt
  add column request_form int,
  add column response_form int,
  add column request_values bytea,
  add column response_values bytea;
