-- Tests that are not signed as real events are: 'WRONG' or 'OLD'. A test without a row has the right signature.
create table test_signature (
  delivery_id uuid primary key,
  kind text not null,
  created_at timestamptz(3) not null default now()
);
