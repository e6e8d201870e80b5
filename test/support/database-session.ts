// How a test reaches the database: as the gateway does, with the gateway's session settings. The server's own are made to
// be in the way (test-postgres.ts), so that nothing here or there relies on them.

import type pg from 'pg'
import {
  type DatabaseAccess,
  type OpenConnection,
  openAccess,
  openConnection,
  openPool,
} from '../../src/database/pools.ts'

/** Opens no connection. */
export function accessTo(url: string, applicationName = 'sivo-test'): DatabaseAccess {
  return openAccess({ url, applicationName })
}

/** An open connection of the test itself. */
export function openClient(url: string): Promise<OpenConnection> {
  return openConnection(accessTo(url), 'tool')
}

/** A pool of the test itself. */
export function openTestPool(url: string, max: number): pg.Pool {
  return openPool(accessTo(url), 'tool', max)
}
