-- A bulk retry that sends events to one endpoint, also those that it has or never got; its filter is then one of events, and
-- `walked_to` an event. Null: it retries deliveries.
alter table bulk_retry add column replay jsonb;
