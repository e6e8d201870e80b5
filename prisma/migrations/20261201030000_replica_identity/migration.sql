-- A publication of all tables, which Debezium makes, refuses to delete or update rows of a table without a primary key or a replica
-- identity. Whole rows tell these apart; they go into the log where wal_level is logical, and nowhere else.
alter table delivery_tally replica identity full;
alter table bulk_retry_tally replica identity full;
alter table search_backlog replica identity full;
alter table search_walk replica identity full;
