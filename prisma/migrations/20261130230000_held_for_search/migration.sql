-- Until this time the process that stored the events has them in memory, and puts them into the index itself; null: nobody has.
-- A process of the release before leaves it null, and takes rows whatever it says: that process then finds its row gone.
alter table search_backlog add column held_until timestamptz;
