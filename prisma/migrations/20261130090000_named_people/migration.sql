-- `name` of a link and of its session is the person it is for; `invited_by` is who created the link. Null in a session that
-- began with OpenID Connect, and in rows from before this, where `name` is who created the link.
alter table console_link add column invited_by text;
alter table session add column invited_by text;

-- Who changed the status of an endpoint last: a name, or `gateway`. Null: nobody did since this column exists.
alter table endpoint
  add column status_changed_at timestamptz(3),
  add column status_changed_by text;
