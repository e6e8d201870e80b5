// One Postgres and one browser for the whole run, the data in a folder of the system's temporary one. Nothing stays behind: not after a failed
// run, not after Ctrl-C, and what a killed run had to leave is removed by the next one.

import { rmSync } from 'node:fs'
import { readdir, realpath, rm, stat } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../src/database/migrate.ts'
import { type FolderLock, lockFolder } from '../../src/dev/folder-lock.ts'
import { endOrphan, type PostgresServer, startPostgres } from '../../src/dev/postgres.ts'
import { exists } from '../../src/dev/postgres-binaries.ts'
import { openBrowserOfRun } from './browser.ts'
import { accessTo } from './database-session.ts'
import { makeDataDir, makeSchemaOfRole, quietLog, RUN_PREFIX, TEST_SETTINGS } from './test-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where a test asks for the browser of the run. */
    browserUrl: string
    /** The superuser's URL of the run's Postgres. */
    adminUrl: string
    /** A migrated database that only serves as a template. */
    templateDatabase: string
  }
}

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const STARTING_MS = 10 * 60_000
const TEMPLATE = 'sivo_template'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeAbandonedRuns()
  const dataDir = await makeDataDir()
  let postgres: PostgresServer | null = null
  const removeNow = () => {
    if (postgres) endNow(postgres.pid)
    removeFolderNow(dataDir)
  }
  // vitest leaves these signals to Node, which would end without a word to anybody.
  const onSignal = (signal: NodeJS.Signals) => process.exit(128 + constants.signals[signal])
  process.once('exit', removeNow)
  // Not `once`: a second Ctrl-C must not end us in the middle of clearing up.
  for (const signal of ENDING_SIGNALS) process.on(signal, onSignal)
  const browser = await openBrowserOfRun()
  const close = async () => {
    await browser.close()
    await postgres?.stopImmediate()
    await rm(dataDir, { recursive: true, force: true })
    process.off('exit', removeNow)
    for (const signal of ENDING_SIGNALS) process.off(signal, onSignal)
  }
  try {
    postgres = await startPostgres({
      dataDir,
      log: quietLog,
      fsync: false,
      settings: TEST_SETTINGS,
      onUnexpectedExit: (error) => console.error(error.message),
    })
    await makeTemplate(postgres.adminUrl)
  } catch (error) {
    await close()
    throw error
  }
  project.provide('browserUrl', browser.url)
  project.provide('adminUrl', postgres.adminUrl)
  project.provide('templateDatabase', TEMPLATE)
  return close
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT')
  } catch {
    // It has ended already.
  }
}

/** Whoever still writes there is ending; what cannot be removed in a second, the next run removes. */
function removeFolderNow(folder: string): void {
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      rmSync(folder, { recursive: true, force: true })
      return
    } catch {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    }
  }
}

async function makeTemplate(adminUrl: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl })
  await admin.connect()
  try {
    await admin.query(`create database ${TEMPLATE}`)
    const url = new URL(adminUrl)
    url.pathname = `/${TEMPLATE}`
    await makeSchemaOfRole(url.href)
    await migrate(accessTo(url.href))
    // A connection to the template would make every clone fail.
    await admin.query(`alter database ${TEMPLATE} with is_template true allow_connections false`)
  } finally {
    await admin.end()
  }
}

async function removeAbandonedRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const dataDir = join(tmpdir(), name)
    if (!name.startsWith(RUN_PREFIX)) continue
    // A run that is just starting has its folder before its lock.
    const ageMs = Date.now() - ((await stat(dataDir).catch(() => null))?.mtimeMs ?? Date.now())
    if (!(await exists(join(dataDir, 'lock'))) && ageMs < STARTING_MS) continue
    await removeAbandonedRun(dataDir).catch((error: Error) =>
      console.warn(`${dataDir} of an earlier run stays: ${error.message}`),
    )
  }
}

class InUse extends Error {}

/** Ends the Postgres that a killed run left behind and removes its folder; a run that goes on keeps both. */
async function removeAbandonedRun(dataDir: string): Promise<void> {
  let lock: FolderLock
  try {
    lock = await lockFolder(dataDir, () => new InUse())
  } catch (error) {
    if (error instanceof InUse) return
    throw error
  }
  try {
    const pgdata = join(await realpath(dataDir), 'pgdata')
    if (await exists(pgdata)) await endOrphan(pgdata, quietLog)
  } finally {
    await lock.release()
  }
  await rm(dataDir, { recursive: true, force: true })
}
