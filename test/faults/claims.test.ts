import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, test } from 'vitest'
import { openHotDatabase } from '../../src/database/pools.ts'
import { claimDeliveries, markWatched, releaseLeases } from '../../src/gateway/deliver/claim-deliveries.ts'
import { type Result, recordAttempts } from '../../src/gateway/deliver/record-attempts.ts'
import { accessTo, openTestPool } from '../support/database-session.ts'
import { startOwnPostgres } from '../support/test-postgres.ts'

const DURATION_MS = 8_000

test('claims, records and publishes at the same time never end the database', async () => {
  const postgres = await startOwnPostgres()
  const admin = openTestPool(postgres.url, 2)
  // A crash of any session ends all of them.
  const witness = new pg.Client({ connectionString: postgres.url })
  let wasEnded = false
  witness.on('error', () => {
    wasEnded = true
  })
  admin.on('error', () => {})
  const access = accessTo(postgres.url, 'claims')
  const pools = Array.from({ length: 3 }, () => openHotDatabase(access, 4))
  try {
    await witness.connect()
    const tenant = await admin.query(`insert into tenant (name) values ('Acme') returning id`)
    const tenantId = tenant.rows[0].id as string
    const endpoints = await admin.query(
      `insert into endpoint (tenant_id, name, url) select $1, 'CRM', 'https://localhost/' from generate_series(1, 12) returning id`,
      [tenantId],
    )
    const endpointIds = endpoints.rows.map(({ id }) => id as string)
    const until = performance.now() + DURATION_MS
    let claimed = 0

    const publish = async () => {
      while (performance.now() < until && !wasEnded)
        await admin.query(
          `with stored as (
             insert into event (id, tenant_id, type, occurred_at, body)
             select uuidv7(), $1, 'call.ended', now(), '{}' from generate_series(1, 4) returning id
           )
           insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
           select $1, s.id, e.id, 'call.ended', 7, now() from stored s cross join endpoint e where random() < 0.4`,
          [tenantId],
        )
    }
    const claim = async (hot: (typeof pools)[number], turn: number) => {
      for (let round = turn; performance.now() < until && !wasEnded; round++) {
        const claims = Array.from({ length: 1 + (round % 6) }, (_, i) => ({
          endpointId: endpointIds[(round * 5 + i * 7) % endpointIds.length]!,
          test: false,
          slots: 1 + ((round * 3) % 20),
          low: round % 2 ? null : Date.now() - 3_600_000,
        }))
        const lease = { token: randomUUID(), processId: randomUUID(), now: new Date() }
        const { deliveries } = await claimDeliveries(hot, claims, lease)
        claimed += deliveries.length
        if (deliveries.length === 0) continue
        if (round % 20 === 0) await markWatched(hot, deliveries[0]!, deliveries.slice(1, 3))
        if (round % 5 !== 0) await releaseLeases(hot, deliveries)
        else await recordAttempts(hot, deliveries.map(delivered))
      }
    }
    const done = await Promise.allSettled([
      publish(),
      ...pools.flatMap((hot) => [0, 1, 2, 3].map((i) => claim(hot, i))),
    ])
    expect(done.flatMap((each) => (each.status === 'rejected' ? String(each.reason) : []))).toEqual([])
    expect(wasEnded).toBe(false)
    expect(claimed).toBeGreaterThan(100)
  } finally {
    await Promise.allSettled([admin.end(), witness.end(), ...pools.map((hot) => hot.close())])
    await postgres.close()
  }
}, 60_000)

function delivered(delivery: Result['delivery']): Result {
  return {
    delivery,
    attempt: null,
    outcome: null,
    step: { status: 'DEAD_LETTERED', reason: 'poison', delayMs: null, disableEndpoint: null },
    nextAttemptAt: null,
    wakeAt: null,
  }
}
