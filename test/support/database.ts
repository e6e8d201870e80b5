import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

export { startOwnPostgres } from './test-postgres.ts'

export type ClonedDatabase = {
  url: string
  /** Ends every connection to it and removes it. */
  drop(): Promise<void>
}

/** A migrated, empty database of its own, cloned from the run's template. */
export async function cloneDatabase(): Promise<ClonedDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await asAdmin(`create database ${name} template ${inject('templateDatabase')}`)
  const url = new URL(inject('adminUrl'))
  url.pathname = `/${name}`
  return { url: url.href, drop: () => asAdmin(`drop database if exists ${name} with (force)`) }
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
