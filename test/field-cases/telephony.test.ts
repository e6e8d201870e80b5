// What real systems say of calls, queues, agents and conversations, published as an adapter publishes it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FieldCase, openPublisher, type Publication, type Publisher, readFieldCases } from './publish.ts'

const cases = await readFieldCases()
let publisher: Publisher
let careful: Publication
beforeAll(async () => {
  publisher = await openPublisher()
  careful = await publisher.publish(
    cases.map(({ event_type: type, careful }) => ({ type, data: careful })),
    'SKIP',
  )
})
afterAll(() => publisher.close())

/** A word that is none, or a length of time below zero: what the careful form says of itself is not so. */
const REFUSED: Record<string, readonly (readonly [path: string, message: RegExp])[]> = {
  '008-asterisk-ari-stasisstart.json': [['state', /got "Up": send "up"$/]],
  '021-kazoo-negative-duration.json': [
    ['durations.total_seconds', /^expected a number of at least 0; got -1589295600: send null, or leave it out/],
    ['durations.ring_seconds', /^expected a number of at least 0; got -1589295600: send null, or leave it out/],
  ],
  '023-fs-callcenter-on-demand.json': [['status', /got "Available \(On Demand\)": send "available_on_demand"$/]],
  '025-fs-callcenter-receiving.json': [['status', /got "Receiving": send "receiving"$/]],
  '026-fs-callcenter-exit-key.json': [['reason', /got "EXIT_WITH_KEY": send "exit_with_key"$/]],
  '100-assemblyai-utterance.json': [['speaker.role', /got "A": send "a"$/]],
  '105-vapi-forwarded.json': [['exit_reason', /got "customer-did-not-answer": send "customer_did_not_answer"$/]],
  '110-elevenlabs-post-call.json': [['exit_reason', /got "": send null, or leave it out$/]],
}

describe('of the careful forms', () => {
  test('there are 63, of every event type', () => {
    expect(cases).toHaveLength(63)
    expect(new Set(cases.map(({ event_type }) => event_type)).size).toBe(13)
  })

  test('all are published but those with a word or a time that is none', () => {
    expect(careful.skipped!.map(({ index }) => cases[index]!.file)).toEqual(Object.keys(REFUSED))
    expect(careful.events).toHaveLength(cases.length - Object.keys(REFUSED).length)
  })

  test.each(Object.entries(REFUSED))('%s is refused, and its message says what to send', (file, expected) => {
    const index = cases.findIndex((one) => one.file === file)
    const { issues } = careful.skipped!.find((one) => one.index === index)!
    expect(issues.map(({ path }) => path)).toEqual(
      expected.map(([path]) => ['input', 'events', String(index), 'data', ...path.split('.')]),
    )
    for (const [at, [, message]] of expected.entries()) expect(issues[at]!.message).toMatch(message)
  })

  test('those that were refused for one word pass with the word that the message names', async () => {
    const mended = cases.flatMap((one) => {
      const expected = REFUSED[one.file]
      return expected ? [{ type: one.event_type, data: withAdvice(one, careful) }] : []
    })
    expect(mended).toHaveLength(Object.keys(REFUSED).length)
    const published = await publisher.publish(mended)
    expect(published).toMatchObject({ __typename: 'PublishEventsSuccess', skipped: [] })
  })

  test('each arrives at the receiver as it was given', async () => {
    const wanted = new Map(careful.events!.map(({ id, index }) => [id, cases[index]!]))
    const requests = await publisher.receiver.until(
      (all) => all.filter(({ headers }) => wanted.has(headers['x-sivo-event-id'] as string)).length === wanted.size,
    )
    for (const { headers, body } of requests) {
      const one = wanted.get(headers['x-sivo-event-id'] as string)
      if (!one) continue
      const envelope = JSON.parse(body.toString('utf8'))
      expect(envelope).toMatchObject({ type: one.event_type, data: one.careful })
      expect(Object.keys(envelope.data)).toEqual(Object.keys(one.careful))
    }
  })

  test('what is odd in them is said and stored all the same', () => {
    const warned = careful.events!.flatMap(({ index, warnings }) =>
      warnings.map(({ path }) => `${cases[index]!.file.slice(0, 3)} ${path.slice(4).join('.')}`),
    )
    expect(warned).toEqual(
      expect.arrayContaining(['038 from.number', '040 state', '050 target.type', '061 from.type', '066 end_ms']),
    )
  })
})

describe('of the forms mapped as they are', () => {
  test('at least a quarter is published', async () => {
    const { events } = await publisher.publish(
      cases.map(({ event_type: type, mapped_as_is }) => ({ type, data: mapped_as_is })),
      'SKIP',
    )
    expect(events!.length / cases.length).toBeGreaterThanOrEqual(0.25)
    expect(events!.map(({ index }) => cases[index]!.file.slice(0, 3))).toEqual(
      '005 013 018 020 038 040 041 048 050 051 056 066 091 103 108 111'.split(' '),
    )
  })

  test('each message says what was expected, what came, and, where it is known, what to send', async () => {
    const { skipped } = await publisher.publish(
      cases.map(({ event_type: type, mapped_as_is }) => ({ type, data: mapped_as_is })),
      'SKIP',
    )
    const messages = skipped!.flatMap(({ issues }) => issues.map(({ message }) => message))
    expect(messages.length).toBeGreaterThan(90)
    for (const message of messages) expect(message).toMatch(/^(is required: )?expected .+/)
    const withAdvice = messages.filter((message) => /; got .+: .*(send|find|add|leave)/s.test(message))
    expect(withAdvice.length / messages.length).toBeGreaterThan(0.9)
  })
})

/** The careful form with what the messages of its refusal say to send. */
function withAdvice(one: FieldCase, { skipped }: Publication): unknown {
  const data = structuredClone(one.careful)
  const { issues } = skipped!.find(({ index }) => cases[index] === one)!
  for (const { path, message } of issues) {
    const keys = path.slice(4)
    const last = keys.pop()!
    const at = keys.reduce((value, key) => value[key] as Record<string, unknown>, data)
    at[last] = JSON.parse(/: send ("[^"]*"|null)/.exec(message)![1]!)
  }
  return data
}
