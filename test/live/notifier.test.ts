import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createNotifier } from '../../src/live/notifier.ts'

const clock = { monotonicMs: () => performance.now() }

test('many commits within 20 ms send one notification at once and one afterwards', async () => {
  let sent = 0
  const database = {
    async query() {
      sent++
      return []
    },
  }
  const notifier = createNotifier({ database, clock, onFailure: () => expect.unreachable() })
  for (let commits = 0; commits < 100; commits++) notifier.ring()
  expect(sent).toBe(1)
  await delay(60)
  expect(sent).toBe(2)
  notifier.ring()
  notifier.ring()
  await notifier.close()
  expect(sent).toBe(4)
})

test('each notification that the database refuses is reported, and later ones are sent', async () => {
  const refusals: unknown[] = []
  const refusal = new Error('The database is away.')
  const database = { query: () => Promise.reject(refusal) }
  const notifier = createNotifier({ database, clock, onFailure: (error) => refusals.push(error) })
  notifier.ring()
  await delay(30)
  notifier.ring()
  await notifier.close()
  expect(refusals).toEqual([refusal, refusal])
})
