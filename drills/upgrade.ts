// An upgrade under load: the processes of an earlier commit are replaced one by one by those of this tree, whose first start
// migrates the database. The earlier tree is a folder that was prepared (`git worktree add`, npm ci); absent: this tree.

import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../src/dev/free-port.ts'
import type { Drilled } from './main.ts'
import { openDrillDatabase } from './postgres.ts'
import { countLedgers, type Stand } from './stand.ts'

const PER_SECOND = 50
const LEAVE_MS = 25_000

export async function upgrade(stand: Stand, [earlier]: readonly string[]): Promise<Drilled> {
  const database = await openDrillDatabase(stand)
  const ports = { api: await freePort(), worker: 0 }
  const start = (role: 'api' | 'worker', root?: string) =>
    stand.start({
      name: `${role}-${root ? 'earlier' : 'new'}`,
      role,
      port: ports[role],
      databaseUrl: database.url,
      root,
    })
  const api = await start('api', earlier)
  const worker = await start('worker', earlier)
  const url = `http://127.0.0.1:${ports.api}/graphql`
  const publishing = stand.publish({ url, tenantId: await stand.configure(url), perSecond: PER_SECOND, retries: true })
  await delay(5_000)
  const migratedAt = performance.now()
  await start('worker')
  stand.tell(`the new worker was ready after ${Math.round(performance.now() - migratedAt)} ms`)
  await delay(5_000)
  stand.tell(`the earlier worker left with ${(await worker.leave(LEAVE_MS)).code}`)
  stand.tell(`the earlier API process left with ${(await api.leave(LEAVE_MS)).code}`)
  await start('api')
  await delay(5_000)
  await publishing.stop()
  const delivered = await stand.untilDelivered(60_000)
  const { lost, duplicates } = countLedgers(stand)
  return {
    passed: delivered && lost + duplicates + publishing.failed === 0,
    figures: { earlier: earlier ?? 'this tree', retriedPublishes: publishing.retried },
  }
}
