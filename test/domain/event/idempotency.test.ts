import { expect, test } from 'vitest'
import { decideKeys, type KeyedEvent } from '../../../src/domain/event/idempotency.ts'

/** `e1:k:A` is event e1 with key k and content A; `e1` alone has no key. */
function call(...events: string[]): KeyedEvent[] {
  return events.map((text) => {
    const [id = '', key = null, fingerprint = null] = text.split(':')
    return { id, key, fingerprint }
  })
}

function decide(calls: KeyedEvent[][], held: Record<string, string> = {}) {
  const holders = Object.entries(held).map(([key, text]) => {
    const [eventId = '', fingerprint = ''] = text.split(':')
    return [key, { eventId, fingerprint }] as const
  })
  const { decisions, newHolders } = decideKeys(calls, new Map(holders))
  return {
    decisions: decisions.map((decision) =>
      decision.kind === 'conflict'
        ? `conflict at ${decision.index} with ${decision.holder.eventId}`
        : decision.events.map(({ id, duplicateOf }) => (duplicateOf ? `${id}=${duplicateOf}` : id)).join(' '),
    ),
    holders: Object.fromEntries([...newHolders].map(([key, { eventId }]) => [key, eventId])),
  }
}

type Case = {
  name: string
  calls: KeyedEvent[][]
  /** Keys that the database already holds, with their event and content. */
  held: Record<string, string>
  decisions: string[]
  holders: Record<string, string>
}

test.each<Case>([
  { name: 'events without keys are all new', calls: [call('e1', 'e2')], held: {}, decisions: ['e1 e2'], holders: {} },
  { name: 'a new key is taken', calls: [call('e1:k:A')], held: {}, decisions: ['e1'], holders: { k: 'e1' } },
  {
    name: 'the same event with the same key is a duplicate',
    calls: [call('e2:k:A')],
    held: { k: 'e1:A' },
    decisions: ['e2=e1'],
    holders: {},
  },
  {
    name: 'other content with the same key is a conflict',
    calls: [call('e2:k:B')],
    held: { k: 'e1:A' },
    decisions: ['conflict at 0 with e1'],
    holders: {},
  },
  {
    name: 'a key twice within one call makes a duplicate',
    calls: [call('e1:k:A', 'e2:k:A')],
    held: {},
    decisions: ['e1 e2=e1'],
    holders: { k: 'e1' },
  },
  {
    name: 'a key twice within one call, with other content, is a conflict',
    calls: [call('e1:k:A', 'e2:k:B')],
    held: {},
    decisions: ['conflict at 1 with e1'],
    holders: {},
  },
  {
    name: 'a key twice within one flush makes a duplicate',
    calls: [call('e1:k:A'), call('e2:k:A')],
    held: {},
    decisions: ['e1', 'e2=e1'],
    holders: { k: 'e1' },
  },
  {
    name: 'the first of two calls with other content holds the key',
    calls: [call('e1:k:A'), call('e2:k:B')],
    held: {},
    decisions: ['e1', 'conflict at 0 with e1'],
    holders: { k: 'e1' },
  },
  {
    name: 'a refused call holds none of its keys',
    calls: [call('e1:k:A', 'e2:l:B'), call('e3:k:C')],
    held: { l: 'e0:A' },
    decisions: ['conflict at 1 with e0', 'e3'],
    holders: { k: 'e3' },
  },
  {
    name: 'one refused call refuses no other',
    calls: [call('e1:k:B'), call('e2:l:A'), call('e3')],
    held: { k: 'e0:A' },
    decisions: ['conflict at 0 with e0', 'e2', 'e3'],
    holders: { l: 'e2' },
  },
  {
    name: 'a call that is repeated after a lost answer gets its own ids',
    calls: [call('e1:k:A', 'e2:k:A')],
    held: { k: 'e1:A' },
    decisions: ['e1 e2=e1'],
    holders: {},
  },
])('$name', ({ calls, held, decisions, holders }) => {
  expect(decide(calls, held)).toEqual({ decisions, holders })
})

test.each([
  [
    'other content skips the event alone',
    [call('e1:k:B', 'e2:l:A')],
    { k: 'e0:A' },
    ['e1 skipped for e0, e2'],
    { l: 'e2' },
  ],
  [
    'within one call the first event holds the key',
    [call('e1:k:A', 'e2:k:B', 'e3')],
    {},
    ['e1, e2 skipped for e1, e3'],
    { k: 'e1' },
  ],
  [
    'sent again after a commit without an answer',
    [call('e1:k:A', 'e2:k:B')],
    { k: 'e1:A' },
    ['e1, e2 skipped for e1'],
    {},
  ],
  [
    'an event that was skipped leaves its key to a later call',
    [call('e1:k:B'), call('e2:k:A')],
    { k: 'e0:A' },
    ['e1 skipped for e0', 'e2=e0'],
    {},
  ],
] as const)('in a call that skips, %s', (_name, calls, held, decided, holders) => {
  const inDatabase = new Map(
    Object.entries(held).map(([key, text]) => {
      const [eventId = '', fingerprint = ''] = text.split(':')
      return [key, { eventId, fingerprint }]
    }),
  )
  const { decisions, newHolders } = decideKeys([...calls], inDatabase, () => true)
  const told = decisions.map((decision) =>
    decision.kind === 'conflict'
      ? 'conflict'
      : decision.events
          .map(({ id, duplicateOf, skippedFor }) =>
            skippedFor ? `${id} skipped for ${skippedFor.eventId}` : duplicateOf ? `${id}=${duplicateOf}` : id,
          )
          .join(', '),
  )
  expect(told).toEqual(decided)
  expect(Object.fromEntries([...newHolders].map(([key, { eventId }]) => [key, eventId]))).toEqual(holders)
})
