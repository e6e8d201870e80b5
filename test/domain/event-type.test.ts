import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  API_VERSION,
  checkEventData,
  describeUnknownEventType,
  EVENT_TYPES,
  findEventType,
  isEventType,
  MAX_LISTED_ISSUES,
} from '../../src/domain/event-type.ts'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }
/** New values by dotted path; undefined removes. */
type Change = Record<string, unknown>

const exampleOf = (name: string) => structuredClone(findEventType(name)!.example)

function changed(name: string, change: Change): Record<string, unknown> {
  const { data } = exampleOf(name)
  for (const [path, value] of Object.entries(change)) replaceAt(data as Json, path.split('.'), value as Json)
  return data
}

describe('the catalogue', () => {
  test('holds the thirteen event types in five groups', () => {
    expect(EVENT_TYPES.map(({ group, name }) => `${group}: ${name}`)).toEqual([
      'call: call.created',
      'call: call.answered',
      'call: call.transferred',
      'call: call.ended',
      'call: call.recorded',
      'transcript: transcript.segment',
      'transcript: transcript.completed',
      'queue: queue.entered',
      'queue: queue.abandoned',
      'agent: agent.status_changed',
      'agent: agent.paused',
      'automation: ivr.completed',
      'automation: ai_agent.completed',
    ])
  })

  test('finds exact names only', () => {
    expect(findEventType('call.ended')?.apiVersion).toBe(API_VERSION)
    for (const name of ['Call.ended', 'call.ended ', 'call', '', 'constructor', '__proto__']) {
      expect(findEventType(name)).toBeUndefined()
      expect(isEventType(name)).toBe(false)
    }
  })

  test('names close types and the place to look when a type is unknown', () => {
    expect(describeUnknownEventType('call.end')).toMatch(/eventTypes.*"call\.end".*did you mean call\.ended/)
    expect(describeUnknownEventType('CALL.ENDED')).toContain('did you mean call.ended')
    expect(describeUnknownEventType('billing.invoiced')).not.toContain('did you mean')
    expect(describeUnknownEventType('x'.repeat(100_000)).length).toBeLessThan(300)
  })

  test('has one compiled check for every schema', () => {
    for (const { schema } of EVENT_TYPES) expect(() => z.compile(schema, { strict: true })).not.toThrow()
  })
})

describe.each(EVENT_TYPES)('$name', (entry) => {
  test('has an example that is a whole envelope and fits', () => {
    expect(Object.keys(entry.example)).toEqual([
      'id',
      'type',
      'api_version',
      'timestamp',
      'tenant_id',
      'test',
      'subject',
      'sequence',
      'data',
    ])
    expect(entry.example).toMatchObject({ type: entry.name, api_version: API_VERSION })
    expect(checkEventData(entry.name, entry.example.data)).toEqual([])
  })

  test('describes itself as JSON Schema that says the same of examples and broken examples', () => {
    expect(entry.jsonSchema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema')
    expect(entry.jsonSchema).toMatchObject({ title: entry.name, type: 'object' })
    expect(entry.jsonSchema).toBe(entry.jsonSchema)
    const fromJsonSchema = z.fromJSONSchema(entry.jsonSchema as Parameters<typeof z.fromJSONSchema>[0])
    expect(fromJsonSchema.safeParse(entry.example.data).error).toBeUndefined()
    fc.assert(
      fc.property(brokenExample(entry.example.data as Json), (data) => {
        expect(fromJsonSchema.safeParse(data).success).toBe(checkEventData(entry.name, data).length === 0)
      }),
      { numRuns: 200 },
    )
  })

  test('is described with words for its fields', () => {
    const shape = JSON.stringify(entry.jsonSchema)
    expect(entry.description.length).toBeGreaterThan(60)
    expect(shape).toContain('"description"')
  })

  test('lets fields it does not know through, at every level', () => {
    const widened = widen(entry.example.data as Json)
    expect(checkEventData(entry.name, widened)).toEqual([])
  })

  test('lists exactly the mismatches the schema has, wherever a value is replaced', () => {
    fc.assert(
      fc.property(brokenExample(entry.example.data as Json), (data) => {
        const expected = entry.schema.safeParse(data).error?.issues.map(({ path }) => path.map(String)) ?? []
        const issues = checkEventData(entry.name, data)
        expect(issues.map(({ path }) => path)).toEqual(expected)
        for (const { message } of issues) expect(message).toMatch(/^(is required: expected .+|expected .+; came .+)$/)
      }),
      { numRuns: 200 },
    )
  })

  test('never changes the data it checks', () => {
    const { data } = exampleOf(entry.name)
    const before = JSON.stringify(data)
    checkEventData(entry.name, data)
    expect(JSON.stringify(data)).toBe(before)
  })
})

describe('what real calls look like', () => {
  test.each<[string, string, Change]>([
    ['a withheld caller', 'call.created', { 'from.number': null }],
    ['an unknown caller name', 'call.created', { 'from.name': null }],
    ['a call without attestation', 'call.created', { stir_shaken: undefined }],
    ['a leg without SIP', 'call.created', { sip_call_id: null }],
    ['a call without tags or custom data', 'call.created', { tags: undefined, custom_data: null }],
    [
      'an internal call between agents',
      'call.created',
      { direction: 'internal', from: { type: 'agent', agent_id: 'agt_1' } },
    ],
    [
      'a call that did not queue',
      'call.answered',
      { queue: null, queue_wait_seconds: null, answered_by: { type: 'voicemail' } },
    ],
    [
      'a blind transfer that failed',
      'call.transferred',
      {
        transfer_type: 'blind',
        status: 'failed',
        failure_reason: 'no_answer',
        consult: null,
        completed_at: null,
        to_leg_id: null,
        target: { type: 'external', number: '+4930123456' },
      },
    ],
    [
      'a three-way transfer',
      'call.transferred',
      { transfer_type: 'three_way', participants_after: ['+14155550132', 'agt_1', 'agt_2'] },
    ],
    [
      'an abandoned call',
      'call.ended',
      {
        status: 'abandoned',
        answered_at: null,
        legs: [{ leg_id: 'leg_1', party: null, started_at: '2026-11-18T14:02:11Z', answered_at: null, ended_at: null }],
        transfers: [],
        recording_ids: [],
        transcript_ids: [],
        quality: null,
        cost: null,
        disposition: null,
      },
    ],
    [
      'a call that never connected',
      'call.ended',
      {
        status: 'failed',
        connected_at: null,
        answered_at: null,
        queue: null,
        durations: { total_seconds: 0 },
        hangup: { source: 'system', cause: 'no_route_to_destination', q850_cause: 3, sip_code: 404 },
        legs: [],
      },
    ],
    ['a voicemail recording', 'call.recorded', { recording_type: 'voicemail', pauses: [] }],
    ['a silent segment', 'transcript.segment', { text: '', confidence: 0 }],
    ['a tenant without analysis', 'transcript.completed', { analysis: null }],
    ['a wait nobody can estimate', 'queue.entered', { estimated_wait_seconds: null }],
    ['a caller who gave up at once', 'queue.abandoned', { wait_seconds: 0, short_abandon: true }],
    ['an agent without a call', 'agent.status_changed', { status: 'logged_out', call_id: null }],
    ['an open-ended pause', 'agent.paused', { expected_resume_at: null }],
    ['an IVR the caller left', 'ivr.completed', { exit_reason: 'caller_hangup', routed_to: null }],
    [
      'an AI agent that settled the matter',
      'ai_agent.completed',
      { exit_reason: 'resolved', transferred_to: null, tool_calls: [] },
    ],
    ["a publisher's own ids", 'call.created', { call_id: '8a1f0c1e-77aa-4a06-9d0f-6a3d4a3b9a51' }],
    ['a time in another offset', 'call.created', { created_at: '2026-11-18T16:02:11+02:00' }],
    ['a time with nanoseconds', 'call.created', { created_at: '2026-11-18t14:02:11.482123456z' }],
    ['a leap second', 'call.created', { created_at: '2016-12-31T23:59:60Z' }],
  ])('%s fits %s', (_, name, change) => {
    expect(checkEventData(name, changed(name, change))).toEqual([])
  })
})

describe('what does not fit is named with path, expectation and value', () => {
  test.each<[string, Change, string[], string]>([
    [
      'call.created',
      { direction: 'sideways' },
      ['direction'],
      'expected one of inbound, outbound, internal; came "sideways"',
    ],
    ['call.created', { call_id: undefined }, ['call_id'], 'is required: expected a string'],
    ['call.created', { call_id: '' }, ['call_id'], 'expected a text that is not empty; came ""'],
    [
      'call.created',
      { call_id: 'c'.repeat(129) },
      ['call_id'],
      `expected an id of at most 128 characters; came "${'c'.repeat(60)}"… (129 characters)`,
    ],
    ['call.created', { state: undefined }, ['state'], 'is required: expected one of queued, ringing'],
    [
      'call.created',
      { 'from.number': '0044 20 7946 0958' },
      ['from', 'number'],
      'expected an E.164 number such as +14155550132; came "0044 20 7946 0958"',
    ],
    ['call.created', { from: null }, ['from'], 'expected an object; came null'],
    ['call.created', { tags: 'support' }, ['tags'], 'expected an array; came "support"'],
    ['call.created', { tags: ['a', 7] }, ['tags', '1'], 'expected a string; came 7'],
    [
      'call.created',
      { created_at: '2026-02-29T10:00:00Z' },
      ['created_at'],
      'expected an RFC 3339 time with an offset, such as 2026-11-18T14:02:11.482Z; came "2026-02-29T10:00:00Z"',
    ],
    [
      'call.ended',
      { 'durations.talk_seconds': -1 },
      ['durations', 'talk_seconds'],
      'expected a number of at least 0; came -1',
    ],
    [
      'call.ended',
      { 'durations.talk_seconds': 1.5 },
      ['durations', 'talk_seconds'],
      'expected a whole number; came 1.5',
    ],
    ['call.ended', { 'legs.2.party.number': 42 }, ['legs', '2', 'party', 'number'], 'expected a string; came 42'],
    ['call.ended', { 'cost.amount': 0.0924 }, ['cost', 'amount'], 'expected a string; came 0.0924'],
    ['transcript.segment', { confidence: 94 }, ['confidence'], 'expected a number of at most 1; came 94'],
    ['transcript.segment', { is_final: 'yes' }, ['is_final'], 'expected true or false; came "yes"'],
    ['agent.paused', { reason: [1, 2] }, ['reason'], 'expected an object; came an array of 2'],
    [
      'ai_agent.completed',
      { exit_reason: { why: 1 } },
      ['exit_reason'],
      expect.stringMatching(/^expected one of resolved, .*error; came an object$/),
    ],
  ])('%s %#', (name, change, path, message) => {
    expect(checkEventData(name, changed(name, change))).toEqual([{ path, message }])
  })

  test.each([
    '2026-11-18',
    '2026-11-18T14:02Z',
    '2026-11-18T14:02:11',
    '2026-11-18 14:02:11Z',
    '2026-13-01T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-11-18T24:00:00Z',
    '2026-11-18T14:02:11+0200',
    '1763474531',
    ' 2026-11-18T14:02:11Z',
  ])('%j is no RFC 3339 time', (created_at) => {
    expect(checkEventData('call.created', { ...exampleOf('call.created').data, created_at })).toHaveLength(1)
  })

  test('every mismatch of an event is listed at once', () => {
    const issues = checkEventData(
      'call.ended',
      changed('call.ended', { call_id: undefined, direction: 'up', 'legs.0.leg_id': null, transfers: 5 }),
    )
    expect(issues.map(({ path }) => path.join('.'))).toEqual(['call_id', 'direction', 'legs.0.leg_id', 'transfers'])
  })

  test('a field that only the prototype has is missing', () => {
    const data = Object.create({ call_id: 'call_1' })
    Object.assign(data, changed('call.created', { call_id: undefined }))
    expect(checkEventData('call.created', { ...data })).toEqual([
      { path: ['call_id'], message: 'is required: expected a string' },
    ])
  })

  test('a flood of mismatches is cut, and quickly', () => {
    const data = changed('call.created', { tags: new Array(1_000_000).fill(1) })
    const started = performance.now()
    expect(checkEventData('call.created', data)).toHaveLength(MAX_LISTED_ISSUES)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

const anyJson: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, '', 'x', -1, 0, 1.5, 2 ** 53, true, [], {}, [null], { type: 'x' }, '+14155550132'),
  fc.constantFrom<Json>('2026-11-18T14:02:11Z', '2026-11-18', 'x'.repeat(129), 'inbound', 'agent'),
)

/** The example with one to three values somewhere replaced or removed. */
function brokenExample(data: Json): fc.Arbitrary<Json> {
  const places = placesOf(data).filter((path) => path.length > 0)
  const change = fc.record({ path: fc.constantFrom(...places), value: fc.option(anyJson, { nil: undefined }) })
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const copy = structuredClone(data)
    for (const { path, value } of changes) replaceAt(copy, path, value)
    return copy
  })
}

function placesOf(value: Json, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([name, child]) => placesOf(child, [...path, name]))]
}

function replaceAt(value: Json, [name, ...rest]: string[], replacement: Json | undefined): void {
  if (typeof value !== 'object' || value === null || name === undefined) return
  const members = value as Record<string, Json>
  if (rest.length > 0) replaceAt(members[name] ?? null, rest, replacement)
  else if (replacement !== undefined) members[name] = structuredClone(replacement)
  else if (!Array.isArray(value)) delete members[name]
}

function widen(value: Json): Json {
  if (Array.isArray(value)) return value.map(widen)
  if (typeof value !== 'object' || value === null) return value
  const widened = Object.entries(value).map(([name, child]) => [name, widen(child)] as const)
  return { ...Object.fromEntries(widened), added_later: { deep: [1, null] }, constructor: 'plain text', 7: true }
}
