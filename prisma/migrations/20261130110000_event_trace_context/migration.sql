-- Where an event belongs in a trace: the text of a W3C traceparent header. null: nobody traces. Adding a column without a
-- default rewrites no partition.
alter table event add column trace_context text;
