// The Postgres of a drill, with its data in the folder of the stand.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type PostgresServer, startPostgres } from '../src/dev/postgres.ts'
import type { Stand } from './stand.ts'

export type DrillDatabaseOptions = {
  /** The name of its folder. */
  readonly name?: string
  readonly settings?: Record<string, string | number>
  /** By default a free one. */
  readonly port?: number
  /** Called when it ends although nobody stopped it. */
  readonly onEnd?: () => void
}

export async function openDrillDatabase(
  stand: Stand,
  { name = 'postgres', settings = {}, port, onEnd = () => {} }: DrillDatabaseOptions = {},
): Promise<PostgresServer> {
  const dataDir = join(stand.folder, name)
  mkdirSync(dataDir, { recursive: true })
  const quiet = () => {}
  const log = { debug: quiet, info: quiet, warn: stand.tell, error: stand.tell }
  const server = await startPostgres({
    dataDir,
    log,
    settings: { max_connections: 300, ...settings },
    ...(port === undefined ? {} : { port }),
    onUnexpectedExit: onEnd,
  })
  stand.onClose(() => server.stopImmediate())
  return server
}
