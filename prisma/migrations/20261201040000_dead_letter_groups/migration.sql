-- The dead letters of a tenant by endpoint, cause and event type, oldest first: which groups there are, how large each is and since when
-- is read from it alone. Only dead letters are in it. An index of an expression answers alone only if it has its columns as well.
create index delivery_dead_group on delivery
  (tenant_id, endpoint_id, coalesce(last_error_code, ''), coalesce(last_status_code, 0), event_type, id)
  include (last_error_code, last_status_code, created_at)
  where status = 'DEAD_LETTERED';
-- When a cause had its last dead letter. With the cause in one text, no plan takes this index for the one above, which begins alike.
drop index delivery_dead_cause;
create index delivery_dead_cause on delivery
  (tenant_id, endpoint_id, (coalesce(last_error_code, '') || ' ' || coalesce(last_status_code, 0)::text), completed_at)
  include (last_error_code, last_status_code, id)
  where status = 'DEAD_LETTERED';
