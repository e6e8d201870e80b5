-- A condition is evaluated by every publish of its tenant: one that Postgres cannot read would refuse them all.
alter table endpoint add constraint endpoint_condition_is_readable
  check (condition is null or pg_input_is_valid(condition, 'jsonpath'));
