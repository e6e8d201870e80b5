import { expect, test } from 'vitest'
import { type Arrival, type Book, judge } from '../../drills/cells/ledger.ts'
import { planInterruptions, STEPS } from '../../drills/cells/plan.ts'

test('the plan of the drill is the same for a seed, kills the command at every step and ends both databases', () => {
  const plan = planInterruptions(1)
  expect(planInterruptions(1)).toEqual(plan)
  expect(planInterruptions(2)).not.toEqual(plan)
  expect(plan.flatMap(({ step, killAfterMs }) => (killAfterMs === null ? [] : [step]))).toEqual(STEPS)
  expect(plan.flatMap(({ beside }) => (beside?.what === 'database' ? [beside.cell] : []))).toEqual(['eu1', 'us1'])
})

const arrival = (more: Partial<Arrival> = {}): Arrival => ({
  atMs: 10_000,
  endpoint: 'one',
  eventId: 'evt_1',
  subject: 'call',
  sequence: 1,
  accepted: true,
  signed: true,
  ...more,
})
const book = (more: Partial<Book> = {}): Book => ({
  acknowledged: new Map([['key 1', new Set(['evt_1'])]]),
  endpoints: ['one'],
  arrivals: [arrival()],
  faults: [],
  ...more,
})
const CLEAN = {
  acknowledged: 1,
  lost: 0,
  duplicates: 0,
  duplicatesUnexplained: 0,
  idsChanged: 0,
  wrongSignatures: 0,
  outOfOrder: 0,
}
const later = arrival({ atMs: 20_000 })

test.each<[string, Partial<Book>, object]>([
  ['an event that arrived once is well', {}, {}],
  ['an event that was only refused is lost', { arrivals: [arrival({ accepted: false })] }, { lost: 1 }],
  ['an event must arrive at every endpoint', { endpoints: ['one', 'two'] }, { lost: 1 }],
  ['a request after a refused one is no duplicate', { arrivals: [arrival({ accepted: false }), later] }, {}],
  ['a duplicate needs a fault', { arrivals: [arrival(), later] }, { duplicates: 1, duplicatesUnexplained: 1 }],
  [
    'a fault explains what was accepted just before it',
    { arrivals: [arrival(), later], faults: [{ what: 'worker', beganMs: 10_500, endedMs: 10_500 }] },
    { duplicates: 1 },
  ],
  [
    'a fault explains nothing of long before it',
    { arrivals: [arrival(), later], faults: [{ what: 'worker', beganMs: 19_000, endedMs: 19_000 }] },
    { duplicates: 1, duplicatesUnexplained: 1 },
  ],
  [
    'a key has one event',
    { acknowledged: new Map([['key 1', new Set(['evt_1', 'evt_2'])]]) },
    { lost: 1, idsChanged: 1 },
  ],
  ['a signature must be of the first secret', { arrivals: [arrival({ signed: false })] }, { wrongSignatures: 1 }],
  [
    'the events of a subject come in order',
    { arrivals: [arrival({ sequence: 2 }), arrival({ eventId: 'evt_0', sequence: 1, atMs: 10_001 })] },
    { outOfOrder: 1 },
  ],
  ['what arrives at an endpoint of others does not count', { arrivals: [arrival(), arrival({ endpoint: 'two' })] }, {}],
])('%s', (_, more, expected) => {
  expect(judge(book(more), ['one', 'two'])).toEqual({ ...CLEAN, ...expected })
})
