// The cost of live subscribers: many subscribers of one tenant, many changed deliveries in a batch. Measures the time from a
// commit to the text of each subscriber, and the CPU of this process per batch. A tenth of them also without shared execution.
//
//   DATABASE_URL=postgres://… node bench/live.ts [subscribers=1000] [deliveries=100] [batches=20]
//
// It migrates the database and adds a tenant to it. Use a database that you can delete.

import { PrismaPg } from '@prisma/adapter-pg'
import { type ExecutionArgs, parse, subscribe } from 'graphql'
import pg from 'pg'
import { pino } from 'pino'
import { migrate } from '../src/database/migrate.ts'
import { openAccess, openHotDatabase, openPool } from '../src/database/pools.ts'
import { PrismaClient } from '../src/generated/prisma/client.ts'
import { openChangeFeed } from '../src/live/feed.ts'
import { schema } from '../src/schema/index.ts'
import { subscribeShared } from '../src/server/graphql/share-execution.ts'

const [subscribers = 1_000, deliveries = 100, batches = 20] = process.argv.slice(2).map(Number)
const url = process.env['DATABASE_URL']
if (!url) throw new Error('DATABASE_URL: expected a database that may be thrown away, got nothing.')

// What a row of the console's list shows, without and with what the feed itself does not read.
const COLUMNS =
  'id status reason attemptCount nextAttemptAt lastStatusCode lastErrorCode lastLatencyMs createdAt completedAt'
const DOCUMENTS = {
  'columns alone': parse(
    `subscription { deliveryUpdates { cursor droppedCount resyncRequired deliveries { ${COLUMNS} } } }`,
  ),
  'with event and endpoint': parse(
    `subscription { deliveryUpdates { cursor droppedCount resyncRequired deliveries { ${COLUMNS} event { id type subject } endpoint { id name } } } }`,
  ),
}

const log = pino({ level: 'warn' })
const access = openAccess({ url, applicationName: 'bench', log })
await migrate(access)
const hot = openHotDatabase(access, 3)
const db = new PrismaClient({ adapter: new PrismaPg(openPool(access, 'tool', 10)) })
const writer = new pg.Client({ connectionString: url })
await writer.connect()
const { rows: made } = await writer.query(
  `with t as (insert into tenant (name) values ('bench') returning id),
     p as (insert into endpoint (tenant_id, name, url) select id, 'bench', 'https://receiver.test/' from t returning id, tenant_id),
     e as (insert into event (id, tenant_id, type, occurred_at, body) select uuidv7(), tenant_id, 'call.ended', now(), '{}' from p, generate_series(1, $1::int) returning id)
   insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
   select p.tenant_id, e.id, p.id, 'call.ended', 7, now() from e, p returning tenant_id`,
  [deliveries],
)
const tenantId = made[0].tenant_id as string

type Next = { done?: boolean; value: unknown }

async function measure(name: string, document: ReturnType<typeof parse>, share: boolean, count: number): Promise<void> {
  const feed = openChangeFeed({ access, hot, log, clock: { monotonicMs: () => performance.now() } })
  const viewer = { role: 'VIEWER', tenantId, name: 'bench', expiresAt: null, credential: { kind: 'key', id: tenantId } }
  const contextValue = { db, log, feed, viewer, requestId: 'bench', baseUrl: '' }
  const args = { schema, document, contextValue } as ExecutionArgs
  const latencies: number[] = []
  let committedMs = 0
  let waitingFor = 0
  let allTold = () => {}
  const streams = await Promise.all(
    Array.from({ length: count }, async () => {
      const stream = (await (share ? subscribeShared(args) : subscribe(args))) as AsyncGenerator<unknown>
      await stream.next()
      return stream
    }),
  )
  const reading = streams.map(async (stream) => {
    for (;;) {
      const { value, done } = (await stream.next()) as Next
      if (done) return
      const text = JSON.stringify({ id: 'x', type: 'next', payload: value })
      if (text.length < 1_000) continue
      latencies.push(performance.now() - committedMs)
      if (--waitingFor === 0) allTold()
    }
  })
  const cpuBefore = process.cpuUsage()
  const began = performance.now()
  for (let batch = 0; batch < batches; batch++) {
    waitingFor = count
    const told = new Promise<void>((resolve) => {
      allTold = resolve
    })
    await writer.query(
      `with changed as (update delivery set attempt_count = attempt_count + 1, changed_xid = pg_current_xact_id()
         where tenant_id = $1 returning 1) select pg_notify('sivo_changes', ''), count(*) from changed`,
      [tenantId],
    )
    committedMs = performance.now()
    await told
  }
  const { user, system } = process.cpuUsage(cpuBefore)
  const elapsed = performance.now() - began
  latencies.sort((a, b) => a - b)
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!.toFixed(0)
  console.log(
    `${count} subscribers, ${name}, ${share ? 'shared' : 'each for itself'}: CPU ${((user + system) / 1_000 / batches).toFixed(1)} ms a batch; commit to text p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ${(elapsed / batches).toFixed(0)} ms between batches`,
  )
  for (const stream of streams) await stream.return(undefined)
  await Promise.all(reading)
  if (feed.subscriberCount() !== 0) throw new Error(`Expected no subscriber left, got ${feed.subscriberCount()}.`)
  await feed.close()
}

console.log(`${deliveries} deliveries a batch, ${batches} batches`)
for (const [name, document] of Object.entries(DOCUMENTS)) {
  await measure(name, document, true, subscribers)
  await measure(name, document, false, Math.ceil(subscribers / 10))
}
await writer.end()
await db.$disconnect()
await hot.close()
