import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createFaultLog, createLog } from '../src/log.ts'

const openFaultLog = (overAfterMs: number) => {
  const lines: { level: number; msg: string }[] = []
  const log = createLog({ level: 'trace', destination: { write: (line) => void lines.push(JSON.parse(line)) } })
  return { faults: createFaultLog(log, { overAfterMs }), lines }
}
const away = () => Object.assign(new Error('nobody listens'), { code: 'ECONNREFUSED' })

test('a fault that many callers meet is one warning, and one line with the count when it is over', async () => {
  const { faults, lines } = openFaultLog(100)
  for (let requests = 0; requests < 5_000; requests++) faults('request.database_away', away(), { requestId: 'r' })
  expect(lines).toMatchObject([
    { level: 40, msg: 'request.database_away', requestId: 'r', err: { code: 'ECONNREFUSED' } },
  ])
  await expect.poll(() => lines.length).toBe(2)
  expect(lines[1]).toMatchObject({
    level: 30,
    msg: 'fault.over',
    fault: 'request.database_away',
    code: 'ECONNREFUSED',
    count: 5_000,
  })
  faults('request.database_away', away())
  expect(lines).toHaveLength(3)
})

test('a fault that happened once is one line, and another error code is another fault', async () => {
  const { faults, lines } = openFaultLog(20)
  faults('request.database_away', away())
  faults('request.database_away', Object.assign(new Error('starting up'), { code: '57P03' }))
  faults('notifier.ring_failed', 'not even an error')
  expect(lines.map(({ msg }) => msg)).toEqual([
    'request.database_away',
    'request.database_away',
    'notifier.ring_failed',
  ])
  await delay(80)
  expect(lines).toHaveLength(3)
})
