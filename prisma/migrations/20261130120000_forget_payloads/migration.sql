-- When the payload of an event, and the bodies of the replies to it, were deleted. Null in almost every row, which costs nothing.
alter table event add column body_deleted_at timestamptz(3);
alter table attempt add column body_deleted_at timestamptz(3);

-- How far the round that forgets payloads has walked in the events of a tenant.
alter table tenant add column payloads_walked_to uuid;

-- The events that it walked past and left, because a delivery of theirs still waited to be sent.
create table kept_payload (
  tenant_id uuid not null references tenant (id) on delete cascade,
  event_id uuid not null,
  primary key (tenant_id, event_id)
);
