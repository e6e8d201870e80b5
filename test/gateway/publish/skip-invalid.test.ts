// onInvalid: SKIP. One event that is not valid costs only itself: the others are stored, once, whatever else happens.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findEventType } from '../../../src/domain/event-types/catalogue.ts'
import { type EventToPublish, openPublisher, type Publisher } from '../../field-cases/publish.ts'

let publisher: Publisher
beforeAll(async () => {
  publisher = await openPublisher()
})
afterAll(() => publisher.close())

const data = findEventType('call.ended')!.example.data
const event = (fields: Partial<EventToPublish> = {}): EventToPublish => ({ type: 'call.ended', data, ...fields })
const ended = (more: object, fields: Partial<EventToPublish> = {}) => event({ data: { ...data, ...more }, ...fields })
const eventCount = () => publisher.gateway.house.app.ctx.db.event.count()

describe('a call that skips', () => {
  test('a call that skips stores the valid events with their places and lists the others with their issues', async () => {
    const before = await eventCount()
    const answer = await publisher.publish(
      [
        ended({ direction: 'Inbound' }),
        event({ subject: 'call_1', sequence: 2 }),
        event({ type: 'call.finished' }),
        event({ sequence: -1 }),
        ended({ status: 'answered_late' }),
      ],
      'SKIP',
    )
    expect(answer).toMatchObject({
      __typename: 'PublishEventsSuccess',
      events: [
        { index: 1, duplicate: false, deliveryCount: 1, warnings: [] },
        { index: 4, warnings: [{ path: ['input', 'events', '4', 'data', 'status'] }] },
      ],
      skipped: [
        {
          index: 0,
          issues: [
            { path: ['input', 'events', '0', 'data', 'direction'], message: expect.stringMatching(/send "inbound"$/) },
          ],
        },
        { index: 2, issues: [{ path: ['input', 'events', '2', 'type'] }] },
        { index: 3, issues: [{ path: ['input', 'events', '3', 'sequence'] }] },
      ],
    })
    expect(await eventCount()).toBe(before + 2)
  })

  test('a call that skips and has no valid event stores nothing and succeeds', async () => {
    const before = await eventCount()
    const answer = await publisher.publish([ended({ call_id: 7 }), event({ data: [] })], 'SKIP')
    expect(answer).toMatchObject({
      __typename: 'PublishEventsSuccess',
      events: [],
      skipped: [{ index: 0 }, { index: 1 }],
    })
    expect(await eventCount()).toBe(before)
  })

  test('a call that skips leaves out an event with an unreadable sequence or time', async () => {
    const odd = [1.5, '12', {}, [], true, 2 ** 53].map((sequence) => event({ sequence }))
    const times = ['', '2026-11-18', 1_795_435_200, {}, '2026-11-18 14:02:11'].map((occurredAt) =>
      event({ occurredAt }),
    )
    const { events, skipped } = await publisher.publish([event(), ...odd, ...times], 'SKIP')
    expect(events!.map(({ index }) => index)).toEqual([0])
    expect(skipped!.map(({ issues }) => issues[0]!.path.at(-1))).toEqual([
      ...odd.map(() => 'sequence'),
      ...times.map(() => 'occurredAt'),
    ])
    const refused = await publisher.publish([event(), event({ occurredAt: 'yesterday', sequence: 'x' })])
    expect(refused.issues!.map(({ path }) => path.join('.'))).toEqual([
      'input.events.1.sequence',
      'input.events.1.occurredAt',
    ])
  })

  test('a call that skips leaves out the one event that is too large', async () => {
    const { events, skipped } = await publisher.publish(
      [event(), ended({ native: { dump: 'x'.repeat(300_000) } }), event()],
      'SKIP',
    )
    expect(events!.map(({ index }) => index)).toEqual([0, 2])
    expect(skipped).toEqual([
      {
        index: 1,
        issues: [
          {
            path: ['input', 'events', '1', 'data'],
            message: expect.stringMatching(/^expected at most 262144 bytes as sent, got 30\d{4}: send less data$/),
          },
        ],
      },
    ])
  })

  test('a call that skips checks all 500 events, and lists at least one issue of each invalid one', async () => {
    const bad = ended({ tags: new Array(200).fill(7) })
    const { events, skipped } = await publisher.publish([...new Array(499).fill(bad), event()], 'SKIP')
    expect(events!.map(({ index }) => index)).toEqual([499])
    expect(skipped).toHaveLength(499)
    expect(skipped![0]!.issues).toHaveLength(100)
    expect(skipped!.at(-1)!.issues).toHaveLength(1)
  })

  test('a call that skips is refused if it has no event or more than 500', async () => {
    for (const events of [[], new Array(501).fill(event())])
      expect(await publisher.publish(events, 'SKIP')).toMatchObject({
        __typename: 'ValidationError',
        issues: [
          {
            path: ['input', 'events'],
            message: expect.stringMatching(/1 to 500 events, in a request of at most 4 MiB/),
          },
        ],
      })
  })
})

describe('a call that skips, under idempotency keys', () => {
  test('a call that skips, sent again with its keys, answers the same and stores nothing', async () => {
    const call = [
      event({ idempotencyKey: 'again-1' }),
      ended({ direction: 'Inbound' }, { idempotencyKey: 'again-2' }),
      event({ idempotencyKey: 'again-3', subject: 'x' }),
    ]
    const first = await publisher.publish(call, 'SKIP')
    const before = await eventCount()
    const second = await publisher.publish(call, 'SKIP')
    expect(second.events).toEqual(first.events!.map((one) => ({ ...one, duplicate: true })))
    expect(second.skipped).toEqual(first.skipped)
    expect(await eventCount()).toBe(before)
  })

  test('a corrected call stores the events that were skipped, and none twice', async () => {
    const good = event({ idempotencyKey: 'mend-1' })
    const first = await publisher.publish([good, ended({ status: 'Busy' }, { idempotencyKey: 'mend-2' })], 'SKIP')
    expect(first.skipped!.map(({ index }) => index)).toEqual([1])
    const second = await publisher.publish([good, ended({ status: 'busy' }, { idempotencyKey: 'mend-2' })], 'SKIP')
    expect(second.events!.map(({ index, duplicate }) => [index, duplicate])).toEqual([
      [0, true],
      [1, false],
    ])
    expect(second.skipped).toEqual([])
  })

  test('a call that skips leaves out an event whose key has other content, stored before or within the call', async () => {
    const [holder] = (await publisher.publish([event({ idempotencyKey: 'held' })])).events!
    const before = await eventCount()
    const answer = await publisher.publish(
      [
        event({ idempotencyKey: 'within' }),
        event({ idempotencyKey: 'held', subject: 'other' }),
        event({ idempotencyKey: 'within', subject: 'other' }),
        event(),
        event({ idempotencyKey: 'held' }),
      ],
      'SKIP',
    )
    expect(answer.events!.map(({ index, duplicate }) => [index, duplicate])).toEqual([
      [0, false],
      [3, false],
      [4, true],
    ])
    expect(answer.events![2]!.id).toBe(holder!.id)
    expect(answer.skipped).toEqual([
      {
        index: 1,
        issues: [
          {
            path: ['input', 'events', '1', 'idempotencyKey'],
            message: `The idempotency key "held" was used for another event, ${holder!.id}, with other content. Use a new key for a new event, or send the same content again.`,
          },
        ],
      },
      {
        index: 2,
        issues: [
          { path: ['input', 'events', '2', 'idempotencyKey'], message: expect.stringContaining(answer.events![0]!.id) },
        ],
      },
    ])
    expect(await eventCount()).toBe(before + 2)
  })

  test('many calls that skip, with the same keys at once, store every event once', async () => {
    const before = await eventCount()
    const call = Array.from({ length: 20 }, (_, i) =>
      i % 5 === 4 ? ended({ status: 'Odd' }, { idempotencyKey: `race-${i}` }) : event({ idempotencyKey: `race-${i}` }),
    )
    const answers = await Promise.all(Array.from({ length: 8 }, () => publisher.publish(call, 'SKIP')))
    expect(await eventCount()).toBe(before + 16)
    for (const { events, skipped } of answers) {
      expect(events!.map(({ id }) => id)).toEqual(answers[0]!.events!.map(({ id }) => id))
      expect(skipped!.map(({ index }) => index)).toEqual([4, 9, 14, 19])
    }
    const fresh = answers.flatMap(({ events }) => events!.filter(({ duplicate }) => !duplicate))
    expect(fresh).toHaveLength(16)
  })

  test('a call that skips beside a call that is refused: neither holds the keys of the other', async () => {
    const [skips, refuses] = await Promise.all([
      publisher.publish([event({ idempotencyKey: 'both' }), ended({ status: 'Odd' })], 'SKIP'),
      publisher.publish([event({ idempotencyKey: 'both' }), ended({ status: 'Odd' })]),
    ])
    expect(skips.events).toHaveLength(1)
    expect(refuses.__typename).toBe('ValidationError')
  })
})

test('a call without onInvalid is refused for one bad event: nothing is stored, and every issue is listed', async () => {
  const before = await eventCount()
  for (const onInvalid of [undefined, 'REFUSE'] as const) {
    const answer = await publisher.publish([event(), ended({ status: 'Odd', call_id: 7 })], onInvalid)
    expect(answer).toMatchObject({ __typename: 'ValidationError', code: 'VALIDATION_FAILED' })
    expect(answer.issues!.map(({ path }) => path.join('.'))).toEqual([
      'input.events.1.data.call_id',
      'input.events.1.data.status',
    ])
  }
  expect(await eventCount()).toBe(before)
})

test('a sequence of 2^53 - 1 is stored, delivered and read unchanged', async () => {
  const { events } = await publisher.publish([event({ subject: 'big', sequence: Number.MAX_SAFE_INTEGER })])
  const id = events![0]!.id
  const [request] = await publisher.receiver.until((all) =>
    all.some(({ headers }) => headers['x-sivo-event-id'] === id),
  )
  expect(request).toBeDefined()
  const delivered = publisher.receiver.requests.find(({ headers }) => headers['x-sivo-event-id'] === id)!
  expect(delivered.body.toString('utf8')).toContain('"sequence":9007199254740991,')
  const key = await publisher.gateway.key('VIEWER', publisher.gateway.house.tenantId)
  const reply = await publisher.gateway.ask(
    key,
    '{ events(first: 1, filter: { subject: "big" }) { nodes { sequence } } }',
  )
  expect(reply.data.events.nodes).toEqual([{ sequence: 9_007_199_254_740_991 }])
})

test('a sequence in the document that is none is an issue with its path, and refuses no request', async () => {
  const { gateway, tenantId } = publisher
  const key = await gateway.key('PUBLISHER', gateway.house.tenantId)
  const written = ['1.5', '"12"', '12345678901234567890', '-1', '9007199254740991', 'null']
  const events = written.map((sequence) => `{ type: "call.ended", data: $data, sequence: ${sequence} }`)
  const { data: answer } = await gateway.ask(
    key,
    `mutation ($tenantId: ID, $data: JSON!) {
      publishEvents(input: { tenantId: $tenantId, onInvalid: SKIP, events: [${events.join(' ')}] }) {
        ... on PublishEventsSuccess { events { index } skipped { index issues { path message } } }
      }
    }`,
    { tenantId, data },
  )
  expect(answer.publishEvents.events).toEqual([{ index: 4 }, { index: 5 }])
  expect(answer.publishEvents.skipped).toHaveLength(4)
  for (const { index, issues } of answer.publishEvents.skipped)
    expect(issues).toEqual([
      {
        path: ['input', 'events', String(index), 'sequence'],
        message: expect.stringMatching(/^expected a whole number from 0 to 9007199254740991, got /),
      },
    ])
})
