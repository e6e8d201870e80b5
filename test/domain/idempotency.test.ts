import { expect, test } from 'vitest'
import { decideKeys, type KeyedEvent } from '../../src/domain/idempotency.ts'

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

test.each([
  ['events without keys are all new', [call('e1', 'e2')], {}, ['e1 e2'], {}],
  ['a new key is taken', [call('e1:k:A')], {}, ['e1'], { k: 'e1' }],
  ['the same event again is a duplicate', [call('e2:k:A')], { k: 'e1:A' }, ['e2=e1'], {}],
  ['other content is a conflict', [call('e2:k:B')], { k: 'e1:A' }, ['conflict at 0 with e1'], {}],
  ['twice within one call', [call('e1:k:A', 'e2:k:A')], {}, ['e1 e2=e1'], { k: 'e1' }],
  ['twice within one call, with other content', [call('e1:k:A', 'e2:k:B')], {}, ['conflict at 1 with e1'], {}],
  ['twice within one flush', [call('e1:k:A'), call('e2:k:A')], {}, ['e1', 'e2=e1'], { k: 'e1' }],
  [
    'of two calls that disagree the first holds',
    [call('e1:k:A'), call('e2:k:B')],
    {},
    ['e1', 'conflict at 0 with e1'],
    { k: 'e1' },
  ],
  [
    'a refused call holds none of its keys',
    [call('e1:k:A', 'e2:l:B'), call('e3:k:C')],
    { l: 'e0:A' },
    ['conflict at 1 with e0', 'e3'],
    { k: 'e3' },
  ],
  [
    'one refused call refuses no other',
    [call('e1:k:B'), call('e2:l:A'), call('e3')],
    { k: 'e0:A' },
    ['conflict at 0 with e0', 'e2', 'e3'],
    { l: 'e2' },
  ],
  ['sent again after a commit that went unheard', [call('e1:k:A', 'e2:k:A')], { k: 'e1:A' }, ['e1 e2=e1'], {}],
] as const)('%s', (_name, calls, held, decisions, holders) => {
  expect(decide([...calls], held)).toEqual({ decisions, holders })
})
