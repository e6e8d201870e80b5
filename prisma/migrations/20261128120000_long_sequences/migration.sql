-- Publishers count in milliseconds and microseconds: any whole number below 2^53, which a double holds exactly. A column of
-- its own holds what is too long for an int: another type for the old one would rewrite the table, and lock it meanwhile.
alter table event add column sequence_long double precision;
