import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  API_VERSION,
  CATALOGUE,
  describeUnknownEventType,
  EVENT_TYPES,
  findEventType,
  isEventType,
  isOperational,
  MAX_LISTED_ISSUES,
  OPERATIONAL_EVENT_TYPES,
  validateEventData,
} from '../../../src/domain/event-types/catalogue.ts'

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
  test('the catalogue holds these event types of publishers, in groups', () => {
    const hint = 'A new type is added here too; a type that was released stays (docs/versioning.md).'
    expect(
      EVENT_TYPES.map(({ group, name }) => `${group}: ${name}`),
      hint,
    ).toEqual([
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

  test('the catalogue holds six operational event types beside them, which only the gateway publishes', () => {
    expect(OPERATIONAL_EVENT_TYPES.map(({ group, name }) => `${group}: ${name}`)).toEqual([
      'operational: endpoint.warning',
      'operational: endpoint.disabled',
      'operational: endpoint.recovered',
      'operational: delivery.dead_lettered',
      'operational: backlog.growing',
      'operational: signing_secret.rotation_due',
    ])
    expect(CATALOGUE).toEqual([...EVENT_TYPES, ...OPERATIONAL_EVENT_TYPES])
    for (const { name } of OPERATIONAL_EVENT_TYPES) expect(isOperational(name)).toBe(true)
    for (const { name } of EVENT_TYPES) expect(isOperational(name)).toBe(false)
  })

  test('the catalogue finds exact names only', () => {
    expect(findEventType('call.ended')?.apiVersion).toBe(API_VERSION)
    for (const name of ['Call.ended', 'call.ended ', 'call', '', 'constructor', '__proto__']) {
      expect(findEventType(name)).toBeUndefined()
      expect(isEventType(name)).toBe(false)
    }
  })

  test('the catalogue suggests close names and the list of types for an unknown type', () => {
    expect(describeUnknownEventType('call.end')).toMatch(/eventTypes.*"call\.end".*did you mean call\.ended/)
    expect(describeUnknownEventType('CALL.ENDED')).toContain('did you mean call.ended')
    expect(describeUnknownEventType('queue.something_else')).toMatch(/that group has queue\.entered, queue\.abandoned/)
    expect(describeUnknownEventType('billing.invoiced')).not.toContain('that group')
    expect(describeUnknownEventType('billing.invoiced')).not.toContain('did you mean')
    expect(describeUnknownEventType('x'.repeat(100_000)).length).toBeLessThan(300)
  })

  test('the catalogue has one compiled check for every schema', () => {
    for (const { schema } of CATALOGUE) expect(() => z.compile(schema, { strict: true })).not.toThrow()
  })
})

describe.each(CATALOGUE)('$name', (entry) => {
  test('its example is a whole envelope that matches its schema', () => {
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
    expect(validateEventData(entry.name, entry.example.data)).toEqual([])
  })

  test('its JSON Schema accepts and refuses the same examples as its own check', () => {
    expect(entry.jsonSchema['$schema']).toBe('https://json-schema.org/draft/2020-12/schema')
    expect(entry.jsonSchema).toMatchObject({ title: entry.name, type: 'object' })
    expect(entry.jsonSchema).toBe(entry.jsonSchema)
    const fromJsonSchema = z.fromJSONSchema(entry.jsonSchema as Parameters<typeof z.fromJSONSchema>[0])
    expect(fromJsonSchema.safeParse(entry.example.data).error).toBeUndefined()
    fc.assert(
      fc.property(brokenExample(entry.example.data as Json), (data) => {
        expect(fromJsonSchema.safeParse(data).success).toBe(validateEventData(entry.name, data).length === 0)
      }),
      { numRuns: 200 },
    )
  })

  test('it and its fields have descriptions, in short sentences', () => {
    const shape = JSON.stringify(entry.jsonSchema)
    expect(
      entry.description.length,
      'Say what happened and when it comes, in more than 60 characters.',
    ).toBeGreaterThan(60)
    const sentences = entry.description.split('. ')
    expect(sentences.filter((sentence) => sentence.split(' ').length > 30)).toEqual([])
    expect(shape).toContain('"description"')
  })

  test('its check accepts unknown fields at every level', () => {
    const widened = widen(entry.example.data as Json)
    expect(validateEventData(entry.name, widened)).toEqual([])
  })

  test('its check lists exactly the mismatches of the schema, wherever a value is replaced', () => {
    fc.assert(
      fc.property(brokenExample(entry.example.data as Json), (data) => {
        const expected = entry.schema.safeParse(data).error?.issues.map(({ path }) => path.map(String)) ?? []
        const issues = validateEventData(entry.name, data)
        expect(issues.map(({ path }) => path)).toEqual(expected)
        for (const { message } of issues) expect(message).toMatch(/^(is required: expected .+|expected .+; got .+)$/s)
      }),
      { numRuns: 200 },
    )
  })

  test('its check never changes the data', () => {
    const { data } = exampleOf(entry.name)
    const before = JSON.stringify(data)
    validateEventData(entry.name, data)
    expect(JSON.stringify(data)).toBe(before)
  })
})

describe('what real calls look like', () => {
  test.each<{ readonly what: string; readonly name: string; readonly change: Change }>([
    { what: 'a withheld caller', name: 'call.created', change: { 'from.number': null } },
    { what: 'an unknown caller name', name: 'call.created', change: { 'from.name': null } },
    { what: 'a call without attestation', name: 'call.created', change: { stir_shaken: undefined } },
    { what: 'a leg without SIP', name: 'call.created', change: { sip_call_id: null } },
    {
      what: 'a call without tags or custom data',
      name: 'call.created',
      change: { tags: undefined, custom_data: null },
    },
    {
      what: 'an internal call between agents',
      name: 'call.created',
      change: { direction: 'internal', from: { type: 'agent', agent_id: 'agt_1' } },
    },
    {
      what: 'a call that did not queue',
      name: 'call.answered',
      change: { queue: null, queue_wait_seconds: null, answered_by: { type: 'voicemail' } },
    },
    {
      what: 'a blind transfer that failed',
      name: 'call.transferred',
      change: {
        transfer_type: 'blind',
        status: 'failed',
        failure_reason: 'no_answer',
        consult: null,
        completed_at: null,
        to_leg_id: null,
        target: { type: 'external', number: '+4930123456' },
      },
    },
    {
      what: 'a three-way transfer',
      name: 'call.transferred',
      change: { transfer_type: 'three_way', participants_after: ['+14155550132', 'agt_1', 'agt_2'] },
    },
    {
      what: 'an abandoned call',
      name: 'call.ended',
      change: {
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
    },
    {
      what: 'a call that never connected',
      name: 'call.ended',
      change: {
        status: 'failed',
        connected_at: null,
        answered_at: null,
        queue: null,
        durations: { total_seconds: 0 },
        hangup: { source: 'system', cause: 'no_route_to_destination', q850_cause: 3, sip_code: 404 },
        legs: [],
      },
    },
    { what: 'a voicemail recording', name: 'call.recorded', change: { recording_type: 'voicemail', pauses: [] } },
    { what: 'a silent segment', name: 'transcript.segment', change: { text: '', confidence: 0 } },
    { what: 'a tenant without analysis', name: 'transcript.completed', change: { analysis: null } },
    { what: 'a wait nobody can estimate', name: 'queue.entered', change: { estimated_wait_seconds: null } },
    { what: 'a caller who gave up at once', name: 'queue.abandoned', change: { wait_seconds: 0, short_abandon: true } },
    { what: 'an agent without a call', name: 'agent.status_changed', change: { status: 'logged_out', call_id: null } },
    { what: 'an open-ended pause', name: 'agent.paused', change: { expected_resume_at: null } },
    {
      what: 'an IVR the caller left',
      name: 'ivr.completed',
      change: { exit_reason: 'caller_hangup', routed_to: null },
    },
    {
      what: 'an AI agent that settled the matter',
      name: 'ai_agent.completed',
      change: { exit_reason: 'resolved', transferred_to: null, tool_calls: [] },
    },
    {
      what: "a publisher's own ids",
      name: 'call.created',
      change: { call_id: '8a1f0c1e-77aa-4a06-9d0f-6a3d4a3b9a51' },
    },
    { what: 'a time in another offset', name: 'call.created', change: { created_at: '2026-11-18T16:02:11+02:00' } },
    { what: 'a time with nanoseconds', name: 'call.created', change: { created_at: '2026-11-18T14:02:11.482123456Z' } },
    {
      what: 'a number of any text, up to 256 characters',
      name: 'call.created',
      change: { 'to.number': `sip:${'x'.repeat(252)}` },
    },
    {
      what: 'a withheld caller who is named as such',
      name: 'call.created',
      change: { from: { type: 'external', number: null, e164: null, number_kind: 'withheld' } },
    },
    { what: 'a leg that was up at once', name: 'call.created', change: { state: 'up' } },
    { what: 'an answer by nobody knows whom', name: 'call.answered', change: { answered_by: null } },
    {
      what: 'an answer by a machine',
      name: 'call.answered',
      change: { answered_by: { type: 'machine', number: '112' } },
    },
    {
      what: 'a transfer of which only the end is known',
      name: 'call.transferred',
      change: {
        initiated_at: null,
        transferred_by: null,
        target: { type: 'voicemail', number: '*98' },
        consult: { ended_at: null },
      },
    },
    { what: 'a call end without cause or side', name: 'call.ended', change: { hangup: undefined } },
    { what: 'a call end with an empty cause', name: 'call.ended', change: { hangup: {} } },
    {
      what: 'causes of other systems',
      name: 'call.ended',
      change: { 'hangup.q850_cause': 4_294_967_295, 'hangup.sip_code': 0, 'hangup.source': 'bandwidth_internal' },
    },
    {
      what: 'a call without durations',
      name: 'call.ended',
      change: { 'durations.total_seconds': null, queue: undefined },
    },
    { what: 'a status of another system', name: 'call.ended', change: { status: 'answered_elsewhere' } },
    {
      what: 'a recording in a bucket, without an expiry',
      name: 'call.recorded',
      change: {
        url: 's3://recordings/2026/a b.wav',
        url_expires_at: null,
        recording_type: null,
        duration_seconds: undefined,
      },
    },
    {
      what: 'a recording named by its key',
      name: 'call.recorded',
      change: { url: 'connect/acme/CallRecordings/a.wav' },
    },
    {
      what: 'speakers who are only told apart',
      name: 'transcript.segment',
      change: { 'speaker.role': null, start_ms: null, end_ms: null, offset_from: undefined, index: null },
    },
    {
      what: 'a transcript inline',
      name: 'transcript.completed',
      change: {
        url: null,
        url_expires_at: null,
        text: 'Agent: Hi.',
        truncated: true,
        segment_count: null,
        duration_ms: null,
      },
    },
    { what: 'a queue that does not say where from', name: 'queue.entered', change: { entry_source: undefined } },
    {
      what: 'a wait of which only the length is known',
      name: 'queue.abandoned',
      change: { entered_at: null, reason: null, wait_seconds: 14 },
    },
    {
      what: 'a status that nobody knows who changed',
      name: 'agent.status_changed',
      change: { changed_by: null, status: 'wrap_up' },
    },
    { what: 'a pause without a reason', name: 'agent.paused', change: { 'reason.code': null, paused_by: undefined } },
    { what: 'a pause with an empty reason', name: 'agent.paused', change: { 'reason.code': '' } },
    { what: 'a pause without a word about the reason', name: 'agent.paused', change: { reason: null } },
    {
      what: 'a flow with a version of text',
      name: 'ivr.completed',
      change: { 'ivr.version': '5.0', exit_reason: null },
    },
    {
      what: 'an AI agent that never spoke',
      name: 'ai_agent.completed',
      change: { started_at: null, duration_seconds: null, exit_reason: 'customer_did_not_answer' },
    },
    {
      what: 'an id as long as an Amazon Resource Name',
      name: 'call.created',
      change: { call_id: `arn:aws:connect:ap-southeast-2:${'0'.repeat(225)}` },
    },
    {
      what: 'what the system said in its own words',
      name: 'call.ended',
      change: { native: { HangupCause: 16, flags: ['A', null] } },
    },
    { what: 'a confidence in percent', name: 'transcript.segment', change: { confidence: 94 } },
  ])('the data of a real call, $what, matches $name', ({ name, change }) => {
    expect(validateEventData(name, changed(name, change))).toEqual([])
  })
})

describe('what does not fit is named with path, expectation and value', () => {
  test.each<{ readonly name: string; readonly change: Change; readonly path: string[]; readonly message: string }>([
    {
      name: 'call.created',
      change: { direction: 'sideways' },
      path: ['direction'],
      message: 'expected one of inbound, outbound, internal; got "sideways"',
    },
    {
      name: 'call.created',
      change: { direction: 'Inbound' },
      path: ['direction'],
      message: 'expected one of inbound, outbound, internal; got "Inbound": send "inbound"',
    },
    {
      name: 'call.created',
      change: { direction: 'outbound-api' },
      path: ['direction'],
      message: 'expected one of inbound, outbound, internal; got "outbound-api": send "outbound"',
    },
    {
      name: 'call.created',
      change: { call_id: undefined },
      path: ['call_id'],
      message: 'is required: expected a string',
    },
    {
      name: 'call.created',
      change: { call_id: '' },
      path: ['call_id'],
      message: 'expected a text that is not empty; got ""',
    },
    {
      name: 'call.created',
      change: { call_id: 'c'.repeat(257) },
      path: ['call_id'],
      message: `expected an id of at most 256 characters; got "${'c'.repeat(60)}"… (257 characters)`,
    },
    {
      name: 'call.created',
      change: { call_id: 5314479320940544 },
      path: ['call_id'],
      message: 'expected a string; got 5314479320940544: send "5314479320940544", in quotes',
    },
    {
      name: 'call.created',
      change: { state: undefined },
      path: ['state'],
      message:
        'is required: expected a word of lower-case letters, digits and _, such as initiated, queued, ringing, early_media, parked, up',
    },
    {
      name: 'call.created',
      change: { 'from.number': '' },
      path: ['from', 'number'],
      message: 'expected a text that is not empty; got "": send null, or leave it out',
    },
    {
      name: 'call.created',
      change: { 'from.number': 'x'.repeat(257) },
      path: ['from', 'number'],
      message: `expected a number of at most 256 characters; got "${'x'.repeat(60)}"… (257 characters): send null, or leave it out, where there is no such value`,
    },
    {
      name: 'call.created',
      change: { 'from.e164': '0044 20 7946 0958' },
      path: ['from', 'e164'],
      message:
        'expected an E.164 number such as +14155550132; got "0044 20 7946 0958": send null; number takes it as it is',
    },
    {
      name: 'call.created',
      change: { 'from.e164': 'tel:+44 20 7946-0958' },
      path: ['from', 'e164'],
      message: 'expected an E.164 number such as +14155550132; got "tel:+44 20 7946-0958": send "+442079460958"',
    },
    {
      name: 'call.created',
      change: { from: null },
      path: ['from'],
      message: 'expected an object; got null: every event of this type has it',
    },
    {
      name: 'call.created',
      change: { tags: 'support' },
      path: ['tags'],
      message: 'expected an array; got "support": send ["support"]',
    },
    {
      name: 'call.created',
      change: { tags: ['a', 7] },
      path: ['tags', '1'],
      message: 'expected a string; got 7: send "7", in quotes',
    },
    {
      name: 'call.created',
      change: { created_at: '2026-02-29T10:00:00Z' },
      path: ['created_at'],
      message:
        'expected an RFC 3339 time with an offset, such as 2026-11-18T14:02:11.482Z; got "2026-02-29T10:00:00Z": there is no such day as 2026-02-29',
    },
    {
      name: 'call.ended',
      change: { 'durations.talk_seconds': -1 },
      path: ['durations', 'talk_seconds'],
      message: 'expected a number of at least 0; got -1: send null, or leave it out, where there is no such value',
    },
    {
      name: 'call.ended',
      change: { 'durations.talk_seconds': 1.5 },
      path: ['durations', 'talk_seconds'],
      message: 'expected a whole number; got 1.5: send 1, rounded down',
    },
    {
      name: 'call.ended',
      change: { 'durations.billable_seconds': 1.5 },
      path: ['durations', 'billable_seconds'],
      message: 'expected a whole number; got 1.5: send 2, rounded up',
    },
    {
      name: 'call.ended',
      change: { 'durations.talk_seconds': 'PT1M31.5S' },
      path: ['durations', 'talk_seconds'],
      message: 'expected a number; got "PT1M31.5S": send 91, whole and without quotes',
    },
    {
      name: 'call.ended',
      change: { 'legs.2.party.number': 42 },
      path: ['legs', '2', 'party', 'number'],
      message: 'expected a string; got 42: send "42", in quotes',
    },
    {
      name: 'call.ended',
      change: { 'cost.amount': 0.0924 },
      path: ['cost', 'amount'],
      message: 'expected a string; got 0.0924: send "0.0924", in quotes',
    },
    {
      name: 'call.ended',
      change: { 'cost.currency': 'usd' },
      path: ['cost', 'currency'],
      message: 'expected an ISO 4217 code such as USD; got "usd": send "USD"',
    },
    {
      name: 'call.ended',
      change: { status: 'Completed' },
      path: ['status'],
      message: expect.stringMatching(
        /^expected a word of lower-case .* such as completed, .*; got "Completed": send "completed"$/,
      ),
    },
    {
      name: 'call.ended',
      change: { custom_data: [] },
      path: ['custom_data'],
      message: 'expected an object; got an array of 0: send {}',
    },
    {
      name: 'call.ended',
      change: { answered_at: 'null' },
      path: ['answered_at'],
      message: expect.stringMatching(/got "null": send null, or leave it out$/),
    },
    {
      name: 'call.ended',
      change: { 'durations.hold_seconds': 'N/A' },
      path: ['durations', 'hold_seconds'],
      message: 'expected a number; got "N/A": send null, or leave it out',
    },
    {
      name: 'call.ended',
      change: { status: 'NoAnswer' },
      path: ['status'],
      message: expect.stringMatching(/got "NoAnswer": send "no_answer"$/),
    },
    {
      name: 'call.ended',
      change: { status: 'noanswer ' },
      path: ['status'],
      message: expect.stringMatching(/got "noanswer ": send "no_answer"$/),
    },
    {
      name: 'call.ended',
      change: { status: '16' },
      path: ['status'],
      message: expect.stringMatching(/got "16": find a word for it; native takes it as it is$/),
    },
    {
      name: 'call.recorded',
      change: { channels: 0 },
      path: ['channels'],
      message: expect.stringMatching(/^expected a number greater than 0; got 0: /),
    },
    {
      name: 'transcript.segment',
      change: { is_final: 'yes' },
      path: ['is_final'],
      message: 'expected true or false; got "yes"',
    },
    {
      name: 'transcript.segment',
      change: { is_final: 'TRUE' },
      path: ['is_final'],
      message: 'expected true or false; got "TRUE": send true',
    },
    {
      name: 'agent.paused',
      change: { reason: [1, 2] },
      path: ['reason'],
      message: 'expected an object; got an array of 2',
    },
    {
      name: 'ivr.completed',
      change: { 'ivr.version': ['1'] },
      path: ['ivr', 'version'],
      message: 'expected a string or a number; got an array of 1',
    },
    {
      name: 'ai_agent.completed',
      change: { exit_reason: { why: 1 } },
      path: ['exit_reason'],
      message: expect.stringMatching(/^expected a word .* such as resolved, .*error; got an object: find a word/),
    },
  ])('a mismatch of $name is named with path, expectation and value (%#)', ({ name, change, path, message }) => {
    expect(validateEventData(name, changed(name, change))).toEqual([{ path, message }])
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
    '2026-11-18t14:02:11Z',
    '2026-11-18T14:02:11z',
    '2016-12-31T23:59:60Z',
  ])('%j is not an RFC 3339 time that every receiver can read', (created_at) => {
    expect(validateEventData('call.created', { ...exampleOf('call.created').data, created_at })).toHaveLength(1)
  })

  test('every mismatch of an event is listed at once', () => {
    const issues = validateEventData(
      'call.ended',
      changed('call.ended', { call_id: undefined, direction: 'up', 'legs.0.leg_id': null, transfers: 5 }),
    )
    expect(issues.map(({ path }) => path.join('.'))).toEqual(['call_id', 'direction', 'legs.0.leg_id', 'transfers'])
  })

  test('a field that only the prototype has counts as missing', () => {
    const data = Object.create({ call_id: 'call_1' })
    Object.assign(data, changed('call.created', { call_id: undefined }))
    expect(validateEventData('call.created', { ...data })).toEqual([
      { path: ['call_id'], message: 'is required: expected a string' },
    ])
  })

  test('a large number of mismatches is cut, and quickly', () => {
    const data = changed('call.created', { tags: new Array(1_000_000).fill(1) })
    const started = performance.now()
    expect(validateEventData('call.created', data)).toHaveLength(MAX_LISTED_ISSUES)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

const anyJson: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, '', 'x', -1, 0, 1.5, 2 ** 53, true, [], {}, [null], { type: 'x' }, '+14155550132'),
  fc.constantFrom<Json>('2026-11-18T14:02:11Z', '2026-11-18', 'x'.repeat(257), 'inbound', 'agent', 'Inbound'),
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
