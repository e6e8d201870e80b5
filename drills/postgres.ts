// The Postgres of a drill, with its data in the folder of the stand.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type PostgresServer, startPostgres } from '../src/dev/postgres.ts'
import type { Stand } from './stand.ts'

export async function openDrillDatabase(
  stand: Stand,
  { name = 'postgres', settings = {} }: { name?: string; settings?: Record<string, string | number> } = {},
): Promise<PostgresServer> {
  const dataDir = join(stand.folder, name)
  mkdirSync(dataDir, { recursive: true })
  const quiet = () => {}
  const log = { debug: quiet, info: quiet, warn: stand.tell, error: stand.tell }
  const server = await startPostgres({ dataDir, log, settings: { max_connections: 300, ...settings } })
  stand.onClose(() => server.stopImmediate())
  return server
}
