// The code in docs/adapters, run on records of the systems; what it makes is published.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toPublicId } from '../../src/domain/values/id.ts'
import { openPublisher, type Publisher, readFieldCases } from '../field-cases/publish.ts'
import { type AdaptedEvent, type DocumentedCode, extractDocumentedCode } from './documented-code.ts'
import { RECORDS } from './records/all.ts'
import { ASTERISK_CALLS } from './records/asterisk.ts'
import type { AdapterRecord } from './records/record.ts'

const ADAPTERS = [
  'amazon-connect',
  'asterisk-cdr',
  'asterisk-queues',
  'freeswitch',
  'genesys',
  'kamailio',
  'retell',
  'twilio',
  'vapi',
]

const cases = await readFieldCases()
let code: DocumentedCode
let publisher: Publisher
beforeAll(async () => {
  code = await extractDocumentedCode()
  publisher = await openPublisher()
})
afterAll(async () => {
  await publisher.close()
  await code.remove()
})

const eventsOf = async ({ adapter, record, options }: AdapterRecord) =>
  (await code.adapter(adapter)).toEvents(record, options)

test('there is a page with code for each system, and every page is in the list', async () => {
  expect(code.names).toEqual([...ADAPTERS, 'fields', 'publish'].sort())
  const folder = join(import.meta.dirname, '../../docs/adapters')
  const index = await readFile(join(folder, 'README.md'), 'utf8')
  for (const page of await readdir(folder)) if (page !== 'README.md') expect(index).toContain(`](${page})`)
  for (const adapter of ADAPTERS) {
    const page = await readFile(join(folder, `${adapter}.md`), 'utf8')
    expect(page).toMatch(/^\|.+\|.+\|$/m)
    expect(page).toContain('**Do not invent:**')
  }
})

describe.each(ADAPTERS)('the adapter %s', (adapter) => {
  const records = RECORDS.filter((one) => one.adapter === adapter)

  test('makes of each record the events that its page says', async () => {
    expect(records.length).toBeGreaterThan(1)
    for (const one of records) expect((await eventsOf(one)).map(({ type }) => type)).toEqual(one.types)
  })

  test('says of a field case what its careful form says, but where it says less or more exactly', async () => {
    const told = records.filter(({ fieldCase }) => fieldCase)
    expect(told.length).toBeGreaterThan(0)
    for (const one of told) {
      const fieldCase = cases.find(({ file }) => file.startsWith(one.fieldCase!))!
      const event = (await eventsOf(one)).find(({ type }) => type === fieldCase.event_type)!
      const differs = { ...one.differs }
      for (const [path, value] of leavesOf(fieldCase.careful)) {
        const expected = path in differs ? differs[path] : value
        delete differs[path]
        expect({ file: fieldCase.file, path, value: valueAt(event.data, path) }).toEqual({
          file: fieldCase.file,
          path,
          value: expected,
        })
      }
      expect(differs).toEqual({})
    }
  })

  test('makes events that are all published, without a warning', async () => {
    const events = (await Promise.all(records.map(eventsOf))).flat()
    const unique = [...new Map(events.map((event) => [event.idempotencyKey, event])).values()]
    const { events: stored, skipped } = await publisher.publish(unique, 'SKIP')
    expect(skipped).toEqual([])
    expect(stored!.flatMap(({ index, warnings }) => warnings.map((warning) => [unique[index]!.type, warning]))).toEqual(
      adapter === 'genesys'
        ? [['call.transferred', { path: expect.arrayContaining(['transfer_type']), message: expect.any(String) }]]
        : [],
    )
  })

  test('makes the same events of the same record, so that publishing again stores nothing', async () => {
    const one = records.find(({ types }) => types.length > 0)!
    const again = { ...one, options: { receivedAt: new Date('2026-11-28T00:00:00Z'), ...one.options } }
    const first = await publisher.publish(await eventsOf(again), 'SKIP')
    const second = await publisher.publish(await eventsOf(again), 'SKIP')
    expect(second.events!.map(({ id }) => id)).toEqual(first.events!.map(({ id }) => id))
    expect(second.events!.every(({ duplicate }) => duplicate)).toBe(true)
  })
})

test('names keep their quotation marks and the letters of Latin-1', async () => {
  const records = RECORDS.filter(({ adapter }) => adapter === 'asterisk-cdr' || adapter === 'freeswitch')
  const names = (await Promise.all(records.map(eventsOf))).flat().map(({ data }) => valueAt(data, 'from.name'))
  expect(names).toContain('Zoë "Z" Müller')
  expect(names).toContain('Zoë Müller')
})

test('a caller that SIP hides or does not know has no number, and a SIP user with such a name has one', async () => {
  const dialled = (await code.module('fields'))['dialled'] as (text: string) => object
  expect(dialled('sip:anonymous@anonymous.invalid')).toEqual({ number: null, number_kind: 'withheld' })
  expect(dialled('sip:anonymous@sbc.example.com;user=phone')).toEqual({ number: null, number_kind: 'withheld' })
  expect(dialled('sip:unavailable@unknown.invalid')).toEqual({ number: null, number_kind: 'unavailable' })
  expect(dialled('sip:private@example.com')).toEqual({ number: 'sip:private@example.com', number_kind: 'sip' })
})

test('a tel: URI or a SIP user gives the number that RFC 3966 writes with separators, parameters or a context', async () => {
  const dialled = (await code.module('fields'))['dialled'] as (text: string) => object
  const whole = { number: '+14155550132', e164: '+14155550132', number_kind: 'e164' }
  for (const uri of ['tel:+1-415-555-0132', 'tel:+1(415)555.0132;ext=7', 'tel:555-0132;phone-context=+1-415'])
    expect(dialled(uri)).toEqual(whole)
  expect(dialled('tel:7042;phone-context=example.com')).toMatchObject({ number: '7042', number_kind: 'extension' })
  // As Asterisk 22.10.1 and FreeSWITCH 1.11.3 hand on what a carrier sends for a ported number, and as a user of SIP may be written.
  for (const user of ['+14155550132;npdi;rn=+14155550199', '+14155550132;cpc=ordinary', '%2B14155550132'])
    expect(dialled(user)).toEqual(whole)
  for (const address of [
    'sip:+14155550132@carrier.example;user=phone',
    'sips:+1-415-555-0132;ext=7@carrier.example:5061;transport=tls;user=phone;maddr=192.0.2.9',
    'sip:555-0132;phone-context=+1-415@carrier.example;User=Phone?subject=x',
    'SIP:%2B14155550132:secret@carrier.example;user=phone',
  ])
    expect(dialled(address)).toEqual(whole)
  expect(dialled('sip:02079460123@pbx.example;user=phone')).toEqual({ number: '02079460123', number_kind: 'national' })
  for (const address of ['sip:+14155550132@carrier.example', 'sip:+14155550132@carrier.example;user=phones'])
    expect(dialled(address)).toEqual({ number: address, number_kind: 'sip' })
  for (const text of ['100;200', 'Zoë;x=1', 'sip:100;phone-context=+1@example.com'])
    expect((dialled(text) as { number: string }).number).toBe(text)
})

test('a row of FreePBX, which has the start of a call alone, has its answer and its end; a Date is refused', async () => {
  const cdr = await code.adapter('asterisk-cdr')
  const { record, options } = RECORDS.find(({ record }) => Array.isArray(record) && 'calldate' in record[0])!
  const [row] = record as Record<string, unknown>[]
  const [answered] = cdr.toEvents([row], options)
  expect(answered).toMatchObject({ occurredAt: '2026-11-19T00:00:11+01:00' })
  expect(answered!.data).toMatchObject({
    created_at: '2026-11-18T23:59:51+01:00',
    answered_at: '2026-11-19T00:00:03+01:00',
    ended_at: '2026-11-19T00:00:11+01:00',
  })
  const [missed] = cdr.toEvents([{ ...row, disposition: 'NO ANSWER', billsec: 0 }], options)
  expect(missed!.data).toMatchObject({ answered_at: null, ended_at: '2026-11-19T00:00:11+01:00' })
  expect(() => cdr.toEvents([{ ...row, calldate: new Date() }], options)).toThrow('expected times of the CDR as text')
})

// As csv-parse 7.0.3 with `cast` and papaparse 5.7.1 with `dynamicTyping` read a row of Asterisk's cdr_csv.
test('a row whose ids or telephone numbers a reader of CSV made numbers is refused', async () => {
  const cdr = await code.adapter('asterisk-cdr')
  const [[row]] = Object.values(ASTERISK_CALLS)[0]!
  for (const made of [{ uniqueid: 1795435191.431 }, { linkedid: 1795435191.431 }, { src: 2079460124 }, { dst: 123 }])
    expect(() => cdr.toEvents([{ ...row, ...made }])).toThrow(
      new RegExp(
        `^expected ${Object.keys(made)[0]} as text, got the number ${Object.values(made)[0]},.*leave types alone$`,
      ),
    )
})

test('a call of Asterisk ends once, whatever number of rows it has, and is answered when one of them was', async () => {
  const cdr = await code.adapter('asterisk-cdr')
  const other = { uniqueid: '1795963794.54', linkedid: '1795963794.53', disposition: 'ANSWERED' }
  for (const [name, [rows, truth]] of Object.entries(ASTERISK_CALLS)) {
    const events = cdr.toEvents([other, ...rows])
    const time = (path: string) => (valueAt(events[0]!.data, path) as string | null)?.slice(11, 19) ?? null
    const { status, durations } = events[0]!.data as { status: string; durations: Record<string, unknown> }
    const said = [
      status,
      time('connected_at'),
      time('answered_at'),
      durations['total_seconds'],
      durations['talk_seconds'],
    ]
    expect([name, events.length, said]).toEqual([name, 1, truth])
    expect(cdr.toEvents([...rows].reverse())).toEqual(events)
  }
  expect(cdr.toEvents([other])).toEqual([])
  expect(() => cdr.toEvents(other)).toThrow('expected the rows of a call as a list, got object')
})

test('times of a CDR in a zone whose clocks change are the moments they were, also in the hour that comes twice', async () => {
  const cdr = await code.adapter('asterisk-cdr')
  const told = (startedAt: string, [start, answer, end]: (string | null)[], more: object = {}) => {
    const uniqueid = `${Date.parse(startedAt) / 1_000}.7`
    const row = {
      src: '100',
      dst: '200',
      disposition: 'ANSWERED',
      uniqueid,
      linkedid: uniqueid,
      start,
      answer,
      end,
      ...more,
    }
    const { data } = cdr.toEvents([row], { zone: 'Europe/Berlin' })[0]!
    return [data['created_at'], data['answered_at'], data['ended_at']]
  }
  expect(told('2026-07-01T10:00:00Z', ['2026-07-01 12:00:00', '2026-07-01 12:00:05', '2026-07-01 12:01:00'])).toEqual([
    '2026-07-01T12:00:00+02:00',
    '2026-07-01T12:00:05+02:00',
    '2026-07-01T12:01:00+02:00',
  ])
  // At 3:00 of the 25th the clocks of Berlin say 2:00 again. Of a table of FreePBX the end and the answer are counted.
  const spoken = { duration: '2400', billsec: '2390' }
  const twice = ['2026-10-25 02:30:00', '2026-10-25 02:30:10', '2026-10-25 02:10:00']
  const over = ['2026-10-25T02:30:00+02:00', '2026-10-25T02:30:10+02:00', '2026-10-25T02:10:00+01:00']
  expect(told('2026-10-25T00:30:00Z', twice, spoken)).toEqual(over)
  expect(told('2026-10-25T00:30:00Z', [], { calldate: twice[0], ...spoken })).toEqual(over)
  expect(told('2026-10-25T01:29:59Z', twice.slice(0, 2), { end: '2026-10-25 03:10:00', ...spoken })).toEqual([
    '2026-10-25T02:30:00+01:00',
    '2026-10-25T02:30:10+01:00',
    '2026-10-25T03:10:00+01:00',
  ])
  const { uniqueid, ...row } = ASTERISK_CALLS['a blind transfer by who was called']![0][0] as Record<string, string>
  const later = {
    ...row,
    uniqueid,
    sequence: '99',
    start: '2026-10-25 02:40:00',
    answer: '',
    end: '2026-10-25 02:20:00',
  }
  const first = { ...later, sequence: '98', start: '2026-10-25 02:30:00', end: '2026-10-25 02:39:00', duration: '540' }
  const ids = { uniqueid: '1792888200.1', linkedid: '1792888200.1', disposition: 'NO ANSWER' }
  const rows = [first, { ...later, duration: '2400' }].map((one) => ({ ...one, ...ids }))
  const [call] = cdr.toEvents(rows, { zone: 'Europe/Berlin' })
  expect(valueAt(call!.data, 'durations.total_seconds')).toBe(3_000)
})

test('a caller who withheld the number has neither number nor name, where Asterisk was told to say so', async () => {
  const cdr = await code.adapter('asterisk-cdr')
  const [[row]] = Object.values(ASTERISK_CALLS)[0]!
  const [said, withheld] = ['allowed_not_screened', 'prohib_not_screened'].map(
    (pres) => cdr.toEvents([{ ...row, pres }])[0]!,
  )
  expect(said!.data['from']).toMatchObject({ e164: '+14155550132', name: 'Zoë' })
  const nobody = { type: 'external', number: null, number_kind: 'withheld', name: null }
  expect(withheld!.data['from']).toEqual(nobody)

  const queues = await code.adapter('asterisk-queues')
  const caller = {
    Event: 'QueueCallerJoin',
    Queue: 'q',
    Uniqueid: '1',
    CallerIDNum: '+14155550132',
    CallerIDName: 'Zoë',
  }
  const ofVariables = (ChanVariable: unknown) => queues.toEvents({ ...caller, ChanVariable })[0]!.data['from']
  const name = 'CALLERID(num-pres)'
  for (const told of [`${name}=prohib`, ['DID=', `${name}=prohib_not_screened`], { [name]: 'prohib_failed_screen' }])
    expect(ofVariables(told)).toEqual(nobody)
  for (const told of [undefined, `${name}=allowed`, { DID: '', [name]: 'allowed_passed_screen' }])
    expect(ofVariables(told)).toMatchObject({ e164: '+14155550132', name: 'Zoë' })
})

test('the manager interface of Asterisk escapes names of callers, not those of members; it does not say why a caller left', async () => {
  const queues = await code.adapter('asterisk-queues')
  const { record, options } = RECORDS.find(({ options }) => options && 'reason' in options)!
  expect(queues.toEvents(record, options)[0]!.data).toMatchObject({
    reason: 'timeout',
    from: { name: `Sean "Z" O'Brien?` },
  })
  expect(queues.toEvents(record)[0]!.data['reason']).toBe(null)
  const paused = {
    Event: 'QueueMemberPause',
    Interface: 'PJSIP/201',
    MemberName: 'DOM\\\\ann',
    Queue: 'q',
    Paused: '1',
  }
  expect(valueAt(queues.toEvents(paused)[0]!.data, 'agent.name')).toBe('DOM\\\\ann')
})

test('a caller who asks for privacy has no number in a record of Kamailio', async () => {
  const kamailio = await code.adapter('kamailio')
  const { record } = RECORDS.find(({ adapter }) => adapter === 'kamailio')!
  const kind = (privacy: string) =>
    valueAt(kamailio.toEvents({ ...(record as object), privacy })[0]!.data, 'from.number_kind')
  expect(['', 'none', 'session', 'id', 'critical;id', 'user'].map(kind)).toEqual([
    'e164',
    'e164',
    'e164',
    'withheld',
    'withheld',
    'withheld',
  ])
})

test('a record of Kamailio says who hung up, how long it rang and was spoken, and no name that it could not read', async () => {
  const told = await Promise.all(RECORDS.filter(({ adapter }) => adapter === 'kamailio').map(eventsOf))
  const seen = told
    .flat()
    .map(({ data }) => [
      data['status'],
      valueAt(data, 'from.name'),
      valueAt(data, 'hangup.source'),
      valueAt(data, 'hangup.sip_code'),
      valueAt(data, 'durations.total_seconds'),
      valueAt(data, 'durations.talk_seconds'),
    ])
  expect(seen).toEqual([
    ['completed', 'Zoë "Z"', 'caller', null, 1, 1],
    ['completed', null, 'callee', null, 1, 1],
    ['canceled', null, 'caller', 487, 3, 0],
    ['busy', null, null, 486, 0, 0],
  ])
})

// What FreeSWITCH 1.11 wrote.
test('a leg of FreeSWITCH has no ringing that it did not count, no quality without packets, and the caller who called', async () => {
  const freeswitch = await code.adapter('freeswitch')
  const { record } = RECORDS.find(({ adapter, fieldCase }) => adapter === 'freeswitch' && fieldCase === '015')!
  const { variables, ...rest } = record as { variables: object }
  const told = (others: object) => freeswitch.toEvents({ ...rest, variables: { ...variables, ...others } })[0]!.data
  const quality = (others: object) => {
    const { mos, jitter_ms } = told(others)['quality'] as Record<string, unknown>
    return [mos, jitter_ms]
  }
  expect(quality({})).toEqual([4.49, 5.64])
  const perfect = { rtp_audio_in_mos: '4.50', rtp_audio_in_jitter_max_variance: '0.00' }
  expect(quality({ ...perfect, rtp_audio_in_media_packet_count: '0' })).toEqual([null, null])
  expect(quality({ ...perfect, rtp_audio_in_media_packet_count: '122' })).toEqual([4.5, 0])

  expect(valueAt(told({ answer_uepoch: '0', answersec: '0', billsec: '0' }), 'durations.ring_seconds')).toBe(null)
  expect(valueAt(told({}), 'durations.ring_seconds')).toBe(9)

  const from = (others: object) => told(others)['from']
  const turned = { pre_transfer_caller_id_number: '%2B14155550132', pre_transfer_caller_id_name: "Sean%20O'Brien" }
  expect(from(turned)).toMatchObject({ e164: '+14155550132', name: "Sean O'Brien" })
  expect(from({ pre_transfer_caller_id_number: '0000000000' })).toMatchObject({ number: null, name: null })
  for (const sip_Privacy of ['id', 'id%3Bcritical', 'user;id'])
    expect(from({ ...turned, sip_Privacy })).toEqual({
      type: 'external',
      number: null,
      number_kind: 'withheld',
      name: null,
    })
  for (const sip_Privacy of ['none', 'session']) expect(from({ sip_Privacy })).toMatchObject({ number: '1001' })
})

test('a contact of Amazon Connect was answered when the customer of an outbound call answered, and not if its reason says that nobody did', async () => {
  const adapter = await code.adapter('amazon-connect')
  const told = (DisconnectReason: string, InitiationMethod: string, others: object = {}) => {
    const [event] = adapter.toEvents({
      Channel: 'VOICE',
      ContactId: 'c',
      InitiationMethod,
      InitiationTimestamp: '2026-11-18T14:02:11Z',
      DisconnectTimestamp: '2026-11-18T14:02:41Z',
      DisconnectReason,
      CustomerEndpoint: { Address: '+14155550132', Type: 'TELEPHONE_NUMBER' },
      // An agent who dials is connected before anybody answers.
      Agent: { ConnectedToAgentTimestamp: '2026-11-18T14:02:12Z', AgentInteractionDuration: 29 },
      ...others,
    })
    const { direction, status, answered_at, durations, hangup } = event!.data as Record<string, Record<string, unknown>>
    return [direction, status, answered_at, durations!['talk_seconds'], hangup!['source']]
  }
  expect(told('TELECOM_BUSY', 'OUTBOUND')).toEqual(['outbound', 'busy', null, null, 'carrier'])
  expect(told('TELECOM_UNANSWERED', 'API')).toEqual(['outbound', 'no_answer', null, null, 'carrier'])
  expect(told('TELECOM_TIMEOUT', 'CALLBACK')).toEqual(['outbound', 'no_answer', null, null, 'carrier'])
  expect(told('TELECOM_ORIGINATOR_CANCEL', 'OUTBOUND')).toEqual(['outbound', 'canceled', null, null, null])
  expect(told('TELECOM_ORIGINATOR_CANCEL', 'INBOUND', { Agent: null })).toEqual([
    'inbound',
    'canceled',
    null,
    null,
    'caller',
  ])
  expect(told('TELECOM_NUMBER_INVALID', 'OUTBOUND')).toEqual(['outbound', 'failed', null, null, 'carrier'])
  expect(told('AGENT_DISCONNECT', 'OUTBOUND')).toEqual(['outbound', 'canceled', null, null, 'agent'])
  const answered = { ConnectedToSystemTimestamp: '2026-11-18T14:02:20Z' }
  expect(told('CUSTOMER_DISCONNECT', 'OUTBOUND', answered)).toEqual([
    'outbound',
    'completed',
    '2026-11-18T14:02:20Z',
    29,
    'callee',
  ])
  expect(told('TELECOM_PROBLEM', 'INBOUND')).toEqual(['inbound', 'completed', '2026-11-18T14:02:12Z', 29, 'carrier'])
  expect(told('CONTACT_FLOW_DISCONNECT', 'INBOUND', { Agent: null })).toEqual([
    'inbound',
    'completed',
    null,
    null,
    'system',
  ])
})

test('a recording of Amazon Connect that was deleted makes no event, and the others keep their ids', async () => {
  const one = RECORDS.find(({ adapter, types }) => adapter === 'amazon-connect' && types.length === 2)!
  const record = one.record as { ContactId: string; Recordings: object[] }
  const Recordings = [
    { ...record.Recordings[0], Status: 'DELETED' },
    { ...record.Recordings[0], Status: 'AVAILABLE' },
  ]
  const events = (await code.adapter('amazon-connect')).toEvents({ ...record, Recordings })
  expect(events.slice(1).map(({ data }) => data['recording_id'])).toEqual([`${record.ContactId}-1`])
})

test('an outbound call of Genesys without a segment interact was not answered', async () => {
  const adapter = await code.adapter('genesys')
  const status = (agent: string[], customer: object) => {
    const session = (segmentTypes: string[], others: object = {}) => [
      { sessionId: 's', mediaType: 'voice', segments: segmentTypes.map((segmentType) => ({ segmentType, ...others })) },
    ]
    const at = '2026-11-18T14:02:11.482Z'
    const participants = [
      { participantId: 'a', purpose: 'agent', sessions: session(agent, { segmentStart: at, segmentEnd: at }) },
      { participantId: 'c', purpose: 'customer', sessions: session(['dialing'], customer) },
    ]
    const conversation = { conversationId: 'c', conversationStart: at, conversationEnd: at, participants }
    return adapter.toEvents({ ...conversation, originatingDirection: 'outbound' }).at(-1)!.data['status']
  }
  expect(status(['dialing'], {})).toBe('no_answer')
  expect(status(['dialing'], { sipResponseCodes: [486] })).toBe('busy')
  expect(status(['contacting', 'dialing'], { q850ResponseCodes: [17] })).toBe('busy')
  expect(status(['dialing', 'interact'], {})).toBe('completed')
})

test('the longest transcript is cut to what a body holds, and says so', async () => {
  const one = RECORDS.find(({ adapter, types }) => adapter === 'vapi' && types.length === 3)!
  const { data } = (await eventsOf(one)).find(({ type }) => type === 'transcript.completed')!
  expect(data['truncated']).toBe(true)
  expect(data['text']).toMatch(/^AI: Hi\.\nUser: "Hello" 😀/)
  expect((data['text'] as string).isWellFormed()).toBe(true)
  expect(Buffer.byteLength(JSON.stringify(data['text']))).toBeGreaterThan(230_000)
})

describe('the recipe for publishing', () => {
  type Publish = (
    events: readonly Partial<AdaptedEvent>[],
    to: { url: string; key: string; tenantId: string; waitMs?: number; attempts?: number },
  ) => Promise<{ skipped: { index: number }[]; warnings: { index: number }[]; refused: string | null }>
  let publish: Publish
  let to: { url: string; key: string; tenantId: string; waitMs: number }
  beforeAll(async () => {
    publish = (await code.module('publish'))['publish'] as Publish
    const { gateway, tenantId } = publisher
    const key = await gateway.key('PUBLISHER', gateway.house.tenantId)
    to = { url: `${gateway.url}/graphql`, key, tenantId, waitMs: 1 }
  })
  const event = () => ({
    type: 'queue.entered',
    data: { call_id: 'c', queue: { queue_id: 'q' }, from: { type: 'external' }, entered_at: '2026-11-18T14:00:00Z' },
  })

  test('stores what can be stored, and returns what is to be looked at', async () => {
    const odd = { ...event(), data: { ...event().data, entry_source: 'door' } }
    const wrong = { ...event(), data: { ...event().data, entered_at: '18.11.2026' } }
    const { skipped, warnings, refused } = await publish([event(), odd, wrong], to)
    expect(warnings.map(({ index }) => index)).toEqual([1])
    expect(skipped.map(({ index }) => index)).toEqual([2])
    expect(refused).toBe(null)
  })

  test('says why a call was refused whole, and does not ask again', async () => {
    const tenantId = toPublicId('tenant', publisher.gateway.house.app.ctx.newId())
    expect((await publish([event()], { ...to, tenantId })).refused).toMatch(/./)
  })

  test('asks again while the gateway cannot be reached', async () => {
    const away = publish([event()], { ...to, url: 'http://127.0.0.1:1/graphql', attempts: 3 })
    await expect(away).rejects.toThrow()
  })
})

function leavesOf(value: unknown, path = ''): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [[path, value]]
  return Object.entries(value).flatMap(([name, child]) => leavesOf(child, path === '' ? name : `${path}.${name}`))
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], value)
}
