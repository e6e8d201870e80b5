-- The search index in segments: a row holds the terms of up to 8,192 events (src/domain/search-segment.ts), where a row of
-- search_term held one term of one event. It takes a twelfth of the room, and a fraction of the time.
create table search_segment (
  id bigint generated always as identity primary key,
  first_event_id uuid not null,
  last_event_id uuid not null,
  events bytea not null,
  directory bytea not null,
  postings bytea not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
-- Long values are not compressed: a search reads parts of them.
alter table search_segment alter events set storage external, alter directory set storage external,
  alter postings set storage external;
create index search_segment_newest on search_segment (last_event_id, id);

-- Nothing reads the former index any more. Its table stays for the processes of the release before, until the next one drops it.
truncate search_term;
delete from search_walk;
insert into search_walk select uuidv7(interval '10 minutes') where exists (select from event);
