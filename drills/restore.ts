// A database that is brought back to a point in time from a base backup and its archived log, after it was lost under load.
// Every event that was acknowledged before that point is there, and a live reader is told to read again.

import { mkdirSync, writeFileSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { copyData } from '../harness/standby.ts'
import { freePort } from '../src/dev/free-port.ts'
import { toPublicId } from '../src/domain/values/id.ts'
import type { Drilled } from './main.ts'
import { openDrillDatabase } from './postgres.ts'
import { countLedgers, type Stand } from './stand.ts'

const PER_SECOND = 50
const PHASE_MS = 5_000
/** Between the last acknowledgement that counts and the point in time: commits in the air. */
const MARGIN_MS = 500

export async function restore(stand: Stand): Promise<Drilled> {
  const archive = join(stand.folder, 'archive')
  mkdirSync(archive)
  // Postgres may run as another user.
  await chmod(archive, 0o777)
  const primary = await openDrillDatabase(stand, {
    name: 'primary',
    settings: { archive_mode: 'on', archive_command: `cp %p ${archive}/%f` },
  })
  const apiPort = await freePort()
  const start = async (databaseUrl: string) => [
    await stand.start({ name: 'api', role: 'api', port: apiPort, databaseUrl }),
    await stand.start({ name: 'worker', role: 'worker', databaseUrl }),
  ]
  const processes = await start(primary.url)
  const url = `http://127.0.0.1:${apiPort}/graphql`
  const tenantId = await stand.configure(url)
  const publishing = stand.publish({ url, tenantId, perSecond: PER_SECOND, retries: true })
  await delay(PHASE_MS)
  await copyData(primary, join(stand.folder, 'restored', 'pgdata'))
  stand.tell('the base backup is taken')
  await delay(PHASE_MS)
  const before = new Set(stand.acknowledged.keys())
  await delay(MARGIN_MS)
  const point = await askOne(primary.url, 'select now()::text as answer')
  stand.tell(`the point in time is ${point}`)
  await delay(PHASE_MS)
  // Recovery ends at the first commit after the point, which must be archived too.
  await ask(primary.url, 'select pg_switch_wal()')
  await delay(PHASE_MS)
  await publishing.stop()
  const archived = await askOne(primary.url, 'select last_archived_wal as answer from pg_stat_archiver')
  for (const each of processes) await each.end()
  await primary.stopImmediate()
  stand.tell(`the database is lost; ${archived} was archived last`)

  const startedAt = performance.now()
  writeFileSync(join(stand.folder, 'restored', 'pgdata', 'recovery.signal'), '')
  writeFileSync(join(stand.folder, 'restored', 'password'), `${new URL(primary.url).password}\n`, { mode: 0o600 })
  const restored = await openDrillDatabase(stand, {
    name: 'restored',
    settings: {
      restore_command: `cp ${archive}/%f %p`,
      recovery_target_time: point,
      recovery_target_action: 'promote',
    },
  })
  await start(restored.url)
  const readyMs = Math.round(performance.now() - startedAt)
  const kept = new Set(
    (await ask(restored.url, 'select id from event')).map(({ id }) => toPublicId('event', String(id))),
  )
  const missing = before.difference(kept).size
  const takenBack = new Set(stand.acknowledged.keys()).difference(kept).size
  const again = stand.publish({ url, tenantId, perSecond: PER_SECOND, retries: true })
  await delay(2_000)
  await again.stop()
  await stand.untilDelivered(30_000)
  return {
    passed: missing + again.failed === 0 && takenBack > 0 && countLedgers(stand).lost === 0,
    figures: {
      readyAfterMs: readyMs,
      acknowledgedBeforeThePoint: before.size,
      missingOfThose: missing,
      takenBack,
    },
  }
}

async function ask(url: string, text: string): Promise<Record<string, string>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(text).finally(() => client.end())
  return rows
}

async function askOne(url: string, text: string): Promise<string> {
  return (await ask(url, text))[0]!['answer']!
}
