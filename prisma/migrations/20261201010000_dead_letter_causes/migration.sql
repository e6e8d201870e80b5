-- The dead letters of a tenant by endpoint and cause: which acknowledgements hold, and how many dead letters lie between them, is
-- looked up and not counted through. Only dead letters are in it.
create index delivery_dead_cause on delivery
  (tenant_id, endpoint_id, coalesce(last_error_code, ''), coalesce(last_status_code, 0), completed_at)
  where status = 'DEAD_LETTERED';
