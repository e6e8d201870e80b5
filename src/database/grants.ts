// What a role needs that runs the gateway and may not change its tables: rows, sequences and functions, no DDL. The owner
// of the tables grants it, once; default privileges carry it over to what later migrations make.

import pg from 'pg'
import type { OpenConnection } from './pools.ts'

/** The grants for a role, in the order in which they are made. */
export function grantsFor(role: string, schema: string): string[] {
  const to = pg.escapeIdentifier(role)
  const both = `${pg.escapeIdentifier(schema)}, graphile_worker`
  return [
    `grant usage on schema ${both} to ${to}`,
    `grant select, insert, update, delete on all tables in schema ${both} to ${to}`,
    // It lets the role rebuild the indexes of a week that is over, which no function of the owner can do concurrently.
    `grant maintain on all tables in schema ${pg.escapeIdentifier(schema)} to ${to}`,
    `grant usage, select on all sequences in schema ${both} to ${to}`,
    `grant execute on all functions in schema ${both} to ${to}`,
    `alter default privileges in schema ${both} grant select, insert, update, delete on tables to ${to}`,
    `alter default privileges in schema ${pg.escapeIdentifier(schema)} grant maintain on tables to ${to}`,
    `alter default privileges in schema ${both} grant usage, select on sequences to ${to}`,
    `alter default privileges in schema ${both} grant execute on functions to ${to}`,
  ]
}

// graphile-worker's tables have row security and no policy: only their owner sees rows. A table that has the policy is left alone:
// to make it again, the table is needed for itself.
const ALLOW_JOBS = `
  do $$ declare name text; begin
    for name in select format('%I.%I', relnamespace::regnamespace, relname) from pg_class c
      where relnamespace = 'graphile_worker'::regnamespace and relkind in ('r', 'p') and relrowsecurity
        and not exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'sivo_runtime')
    loop
      execute format('create policy sivo_runtime on %s using (true) with check (true)', name);
    end loop;
  end $$`

/** Grants it. The session must be the owner's; throws what the database says. */
export async function grantRuntime(owner: OpenConnection, role: string, schema: string): Promise<void> {
  await owner.query('begin')
  try {
    for (const statement of [...grantsFor(role, schema), ALLOW_JOBS]) await owner.query(statement)
    await owner.query('commit')
  } catch (error) {
    await owner.query('rollback').catch(() => {})
    throw error
  }
}
