-- What the filters of a list look for and few deliveries are. A delivery that succeeds at once with 200 is in none of
-- these, so they cost the path of most deliveries nothing.
create index delivery_error_code on delivery (tenant_id, last_error_code, id) where last_error_code is not null;
create index delivery_status_code on delivery (tenant_id, last_status_code, id) where last_status_code <> 200;
create index delivery_reason on delivery (tenant_id, reason, id) where reason is not null;
create index delivery_cancelled on delivery (tenant_id, id) where status = 'CANCELLED';
create index delivery_test on delivery (tenant_id, id) where test;
