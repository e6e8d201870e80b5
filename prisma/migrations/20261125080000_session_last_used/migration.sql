-- When a console session was last used, so that whoever ends one can tell which is still in use.
alter table session add column last_used_at timestamptz(3);
