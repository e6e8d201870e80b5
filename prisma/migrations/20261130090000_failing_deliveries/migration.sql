-- What fails, and what failed before it succeeded. A delivery that succeeds at its first attempt is in none of these, so they cost
-- the path of most deliveries nothing.
-- The causes for which the deliveries of an endpoint wait, each from its oldest delivery on.
create index delivery_failing on delivery (tenant_id, endpoint_id, last_error_code, coalesce(last_status_code, 0), id)
  where status = 'PENDING' and last_error_code is not null and not test and attempt_count > cycle_start;
create index delivery_recovered on delivery (tenant_id, id) where status = 'SUCCEEDED' and attempt_count > 1;
-- Failed attempts, newest first: of a tenant, and of an endpoint.
create index attempt_failed on attempt (tenant_id, id) where error_code is not null;
create index attempt_failed_endpoint on attempt (endpoint_id, id) where error_code is not null;
