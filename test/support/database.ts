import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

export { startOwnPostgres } from './test-postgres.ts'

export type ClonedDatabase = {
  url: string
  /** Ends every connection to it and removes it. */
  drop(): Promise<void>
}

/**
 * A migrated, empty database of its own, cloned from the run's template. Copying its files takes a quarter of the time of
 * writing each page to the log.
 */
export async function cloneDatabase(): Promise<ClonedDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await asAdmin(`create database ${name} template ${inject('templateDatabase')} strategy file_copy`)
  const url = new URL(inject('adminUrl'))
  url.pathname = `/${name}`
  return { url: url.href, drop: () => dropOnceLeft(name) }
}

/** Sessions that are just ending are given a second: one that is ended by force may throw where nobody listens. */
async function dropOnceLeft(name: string): Promise<void> {
  await asAdmin(`do $$ begin
    for i in 1..20 loop
      perform pg_stat_clear_snapshot();
      exit when not exists (select 1 from pg_stat_activity where datname = '${name}');
      perform pg_sleep(0.05);
    end loop;
  end $$`)
  await asAdmin(`drop database if exists ${name} with (force)`)
}

async function asAdmin(sql: string): Promise<void> {
  const admin = new pg.Client({ connectionString: inject('adminUrl') })
  await admin.connect()
  try {
    await admin.query(sql)
  } finally {
    await admin.end()
  }
}
