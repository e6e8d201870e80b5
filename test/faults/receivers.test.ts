// Receivers that cannot be reached, all at once: the schedule waits for them, and nobody's endpoint is disabled for it.

import { expect, test } from 'vitest'
import { openHouse } from '../support/house.ts'

test('while the network between workers and receivers is gone, attempts fail on the schedule, and they succeed when it is back', async () => {
  const house = await openHouse({ SIVO_RETRY_SCHEDULE: '300ms,300ms,2s,2s,2s,2s' })
  try {
    const away = await Promise.all(Array.from({ length: 5 }, () => house.receiver()))
    const ports = away.map(({ port }) => port)
    for (const receiver of away) await house.addEndpoint(receiver.url('/'))
    await Promise.all(away.map((receiver) => receiver.close()))
    await house.publish({}, {})
    await house.until(async () => {
      const failed = await house.app.ctx.db.attempt.findMany({ where: { errorCode: 'connect_failed' } })
      return failed.length >= 20
    })
    expect(await house.app.ctx.db.endpoint.count({ where: { status: 'ACTIVE' } })).toBe(5)
    const back = await Promise.all(ports.map((port) => house.receiver({ port })))
    await house.until(async () => (await house.deliveries({ status: 'SUCCEEDED' })).length === 10)
    expect(back.map(({ requestCount }) => requestCount)).toEqual([2, 2, 2, 2, 2])
  } finally {
    await house.close()
  }
})
