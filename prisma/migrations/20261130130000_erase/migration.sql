-- A tenant that was erased keeps its row, so that the audit log stays whole. A job deletes everything else of it.
alter table tenant add column erased_at timestamptz(3);
