// A worker whose clock is an hour wrong. Every time comes from the database: what it stamps, when it retries and what
// it tells receivers is what a worker with a right clock would.

import { expect, test, vi } from 'vitest'
import { openStage } from './outage.ts'

// Starting processes takes as long as the machine has other things to do.
vi.setConfig({ testTimeout: 90_000 })

const HOUR_MS = 3_600_000

/** Makes a Node process take the time for `offsetMs` later than it is. */
function wrongClock(offsetMs: number): string {
  const script = `
    const Right = Date
    globalThis.Date = class Date extends Right {
      constructor(...given) { given.length ? super(...given) : super(Right.now() + ${offsetMs}) }
      static now() { return Right.now() + ${offsetMs} }
    }`
  return `--import=data:text/javascript,${encodeURIComponent(script)}`
}

test.each([
  ['an hour fast', HOUR_MS],
  ['an hour slow', -HOUR_MS],
])(
  'a worker whose clock is %s writes the same times and retries at the same times as the others',
  async (_, offsetMs) => {
    const stage = await openStage()
    const receiver = await stage.receiver({ answer: [503, 503, 200] })
    const { id } = await stage.addEndpoint(receiver.url('/crm'))
    await stage.start('worker', {
      env: { NODE_OPTIONS: wrongClock(offsetMs), SIVO_RETRY_SCHEDULE: '1s,1s,1s' },
    })
    await stage.query(
      `with stored as (
       insert into event (id, tenant_id, type, occurred_at, body) values (uuidv7(), $1, 'call.ended', now(), '{}') returning id
     ), fanned as (
       insert into delivery (tenant_id, event_id, endpoint_id, event_type, max_attempts, next_attempt_at)
       select $1, id, $2, 'call.ended', 4, now() from stored
     )
     select graphile_worker.add_job('deliver', json_build_object('endpointId', $2::uuid))`,
      [stage.tenantId, id],
    )
    const requests = await receiver.until((all) => all.length === 3, { timeoutMs: 15_000 })
    for (const [i, request] of requests.entries()) {
      const stampedMs = Number(request.headers['x-sivo-timestamp']) * 1_000
      expect(Math.abs(stampedMs - request.receivedAt.getTime())).toBeLessThan(5_000)
      const waitedMs = i === 0 ? 1_000 : request.receivedAt.getTime() - requests[i - 1]!.receivedAt.getTime()
      // Never early; late by what the machine is busy with.
      expect(waitedMs).toBeGreaterThanOrEqual(995)
      expect(waitedMs).toBeLessThan(6_000)
    }
    const off = await stage.until(async () => {
      const rows = await stage.query<{ seconds: number }>(
        'select abs(extract(epoch from a.started_at - uuid_extract_timestamp(a.id)))::float8 as seconds from attempt a',
      )
      return rows.length === 3 && rows.map(({ seconds }) => seconds)
    })
    expect(Math.max(...off)).toBeLessThan(5)
  },
)
