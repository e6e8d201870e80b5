// One Postgres for the whole run, in a folder of the system's temporary one. Nothing stays behind: not after a failed
// run, not after Ctrl-C, and what a killed run had to leave is removed by the next one.

import { rmSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { holderOf } from '../../src/dev/folder-lock.ts'
import { endAbandonedPostgres, startPostgres } from '../../src/dev/postgres.ts'
import { exists } from '../../src/dev/postgres-binaries.ts'
import { migrate } from '../../src/migrate.ts'
import { makeDataDir, quietLog, RUN_PREFIX, TEST_SETTINGS } from './test-postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser's URL of the run's Postgres. */
    adminUrl: string
    /** A migrated database that only serves as a template. */
    templateDatabase: string
  }
}

const TEMPLATE = 'sivo_template'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeAbandonedRuns()
  const dataDir = await makeDataDir()
  const postgres = await startPostgres({
    dataDir,
    log: quietLog,
    fsync: false,
    settings: TEST_SETTINGS,
    onUnexpectedExit: (error) => console.error(error.message),
  }).catch(async (error) => {
    await rm(dataDir, { recursive: true, force: true })
    throw error
  })
  const removeNow = () => {
    try {
      process.kill(postgres.pid, 'SIGQUIT')
    } catch {
      // It has ended already.
    }
    rmSync(dataDir, { recursive: true, force: true })
  }
  process.once('exit', removeNow)
  await makeTemplate(postgres.adminUrl)
  project.provide('adminUrl', postgres.adminUrl)
  project.provide('templateDatabase', TEMPLATE)
  return async () => {
    await postgres.stopImmediate()
    process.off('exit', removeNow)
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function makeTemplate(adminUrl: string): Promise<void> {
  const admin = new pg.Client({ connectionString: adminUrl })
  await admin.connect()
  try {
    await admin.query(`create database ${TEMPLATE}`)
    const url = new URL(adminUrl)
    url.pathname = `/${TEMPLATE}`
    await migrate(url.href)
    // A connection to the template would make every clone fail.
    await admin.query(`alter database ${TEMPLATE} with is_template true allow_connections false`)
  } finally {
    await admin.end()
  }
}

async function removeAbandonedRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const dataDir = join(tmpdir(), name)
    // A run that is just starting has its folder before its lock, and its lock before its data.
    if (!name.startsWith(RUN_PREFIX) || !(await exists(join(dataDir, 'pgdata')))) continue
    if ((await holderOf(dataDir)) !== null) continue
    await endAbandonedPostgres({ dataDir, log: quietLog })
      .then(() => rm(dataDir, { recursive: true, force: true }))
      .catch((error: Error) => console.warn(`${dataDir} of an earlier run stays: ${error.message}`))
  }
}
