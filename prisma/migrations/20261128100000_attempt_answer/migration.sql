-- How often the request of an attempt was sent, and what was odd in the body of its reply. Null in rows from before this.
alter table attempt
  add column request_count smallint,
  add column response_body_note text;
