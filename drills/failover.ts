// A primary that ends under load as in a power cut, and a streaming standby that is promoted at once. With a synchronous
// standby nothing acknowledged may be lost; with an asynchronous one the figures say what was.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { openStandby } from '../harness/standby.ts'
import { freePort } from '../src/dev/free-port.ts'
import type { Drilled } from './main.ts'
import { openDrillDatabase } from './postgres.ts'
import { countLedgers, type Stand } from './stand.ts'

const PER_SECOND = 50
const BEFORE_MS = 10_000
const AFTER_MS = 10_000
const NAME = 'second'
const MODES = ['synchronous', 'asynchronous'] as const

export async function failover(stand: Stand, [mode = 'synchronous']: readonly string[]): Promise<Drilled> {
  if (!MODES.some((each) => each === mode)) throw new Error(`Expected ${MODES.join(' or ')}, got ${mode}.`)
  const primary = await openDrillDatabase(stand, { name: 'primary' })
  const dataDir = join(stand.folder, 'standby')
  mkdirSync(dataDir)
  const quiet = () => {}
  const log = { debug: quiet, info: quiet, warn: stand.tell, error: stand.tell }
  const standby = await openStandby({ primary, dataDir, name: NAME, log })
  stand.onClose(() => standby.stopImmediate())
  if (mode === 'synchronous')
    await ask(primary.url, [
      `alter system set synchronous_standby_names = '${NAME}'`,
      `alter system set synchronous_commit = 'remote_apply'`,
      'select pg_reload_conf()',
    ])

  const databaseUrl = primary.url.replace(`:${primary.port}/`, `:${primary.port},127.0.0.1:${standby.port}/`)
  const apiPort = await freePort()
  await stand.start({ name: 'api', role: 'api', port: apiPort, databaseUrl })
  await stand.start({ name: 'worker', role: 'worker', databaseUrl })
  const url = `http://127.0.0.1:${apiPort}/graphql`
  const publishing = stand.publish({ url, tenantId: await stand.configure(url), perSecond: PER_SECOND, retries: true })
  await delay(BEFORE_MS)

  stand.tell(`the primary ends; its standby is ${mode}`)
  const endedAt = Date.now()
  await primary.stopImmediate()
  await ask(standby.url, ['select pg_promote(true, 30)'])
  const promotedAt = Date.now()
  stand.tell(`promoted after ${promotedAt - endedAt} ms`)
  await delay(AFTER_MS)
  await publishing.stop()
  await stand.untilDelivered(mode === 'synchronous' ? 60_000 : 20_000)

  const backAt = Math.min(...stand.acknowledged.values().filter((at) => at >= promotedAt))
  const { lost } = countLedgers(stand)
  return {
    passed: publishing.failed === 0 && Number.isFinite(backAt) && (mode === 'asynchronous' || lost === 0),
    figures: {
      standby: mode,
      perSecond: PER_SECOND,
      promotedAfterMs: promotedAt - endedAt,
      acknowledgesAfterMs: backAt - endedAt,
      failed: publishing.failed,
      retried: publishing.retried,
    },
  }
}

async function ask(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const text of statements) await client.query(text)
  } finally {
    await client.end()
  }
}
