-- Events of a type that a tenant hardly publishes, and their deliveries.
create index event_tenant_id_type_id_idx on event (tenant_id, type, id);
-- What an endpoint still lacks, in the order of the events. A delivery leaves it as it succeeds.
create index delivery_undelivered on delivery (endpoint_id, event_id) where status <> 'SUCCEEDED';
