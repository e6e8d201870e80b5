// Records as the systems write them, each beside the field case that tells of the same event. The values are those of the
// cases; the shapes are the ones that the systems' documents and public code show.

import type { FieldCase } from '../field-cases/publish.ts'

export type AdapterRecord = {
  readonly adapter: string
  readonly record: unknown
  readonly options?: object
  /** The number of the field case; the event it tells of has the case's type. */
  readonly fieldCase?: string
  /** By dotted path: where the adapter says something else than the careful form, and what; undefined: it says nothing. */
  readonly differs?: Readonly<Record<string, unknown>>
  /** The types of the events that the record becomes. */
  readonly types: readonly FieldCase['event_type'][]
}

const freeswitch = (variables: object, number = '1001', destination = '1002') => ({
  'core-uuid': 'a7c0a3c2-0000-4000-8000-000000000001',
  channel_data: { state: 'CS_REPORTING' },
  variables: {
    uuid: '5a3a0000-90d3-4db4-af5c-cc3a000093a4',
    call_uuid: '5a3a0000-90d3-4db4-af5c-cc3a000093a4',
    ...variables,
  },
  callflow: [
    { profile_index: '2', caller_profile: { caller_id_number: 'changed' } },
    {
      profile_index: '1',
      caller_profile: { caller_id_name: number, caller_id_number: number, destination_number: destination },
    },
  ],
})

/** A row as Asterisk 22.10.1 wrote it: the row's own values, and times as seconds after 14:49:54. */
const row = (
  sequence: number,
  [start, answer, end]: readonly [number, number | null, number],
  disposition: string,
  others: object = {},
) => {
  const at = (seconds: number | null) =>
    seconds === null
      ? ''
      : new Date(Date.UTC(2026, 10, 18, 14, 49, 54 + seconds)).toISOString().slice(0, 19).replace('T', ' ')
  return {
    linkedid: '1795963794.53',
    uniqueid: '1795963794.53',
    sequence,
    clid: '"Zoë" <+14155550132>',
    src: '+14155550132',
    dst: '305',
    channel: 'PJSIP/trunk-0000001e',
    dstchannel: disposition === 'ANSWERED' ? 'PJSIP/201-0000001f' : 'PJSIP/203-00000020',
    lastapp: 'Dial',
    start: at(start),
    answer: at(answer),
    end: at(end),
    duration: end - start,
    billsec: answer === null ? 0 : end - answer,
    disposition,
    ...others,
  }
}
const byTheDialplan = { dstchannel: '', lastapp: 'Hangup' }

/** Calls of several rows, and what is true of each: status, picked up, answered, whole and talked seconds. */
export const ASTERISK_CALLS: Readonly<Record<string, readonly [rows: readonly object[], truth: readonly unknown[]]>> = {
  'two telephones that ring at once, written in this order': [
    [row(4, [0, null, 1], 'NO ANSWER'), row(1, [0, 1, 5], 'ANSWERED')],
    ['completed', '14:49:55', '14:49:55', 5, 4],
  ],
  'an agent of a queue who does not answer, and one who does': [
    [row(42, [0, 0, 2], 'NO ANSWER', { lastapp: 'Queue' }), row(45, [3, 3, 8], 'ANSWERED', { lastapp: 'Queue' })],
    ['completed', '14:49:54', '14:49:57', 8, 5],
  ],
  'a mailbox after a telephone that nobody answered': [
    [row(10, [0, null, 3], 'NO ANSWER'), row(17, [3, 3, 5], 'ANSWERED', byTheDialplan)],
    ['completed', '14:49:57', null, 5, null],
  ],
  'a telephone that nobody answered after an IVR': [
    [row(46, [0, 0, 4], 'NO ANSWER'), row(62, [4, 4, 4], 'ANSWERED', byTheDialplan)],
    ['completed', '14:49:54', null, 4, null],
  ],
  'a busy telephone, and one that nobody answered': [
    [row(50, [0, null, 0], 'BUSY'), row(53, [0, null, 3], 'NO ANSWER')],
    ['no_answer', null, null, 3, 0],
  ],
  'a busy telephone, with unanswered = yes': [
    [row(18, [0, null, 0], 'BUSY'), row(20, [0, null, 0], 'BUSY', byTheDialplan)],
    ['busy', null, null, 0, 0],
  ],
  'a blind transfer by who was called': [
    [row(58, [2, 2, 8], 'ANSWERED'), row(48, [0, 0, 2], 'ANSWERED')],
    ['completed', '14:49:54', '14:49:54', 8, 8],
  ],
  'a conference of three': [
    [row(77, [0, 0, 6], 'ANSWERED'), row(85, [3, 3, 6], 'ANSWERED')],
    ['completed', '14:49:54', '14:49:54', 6, null],
  ],
}

const unanswered = {
  direction: 'outbound',
  start_uepoch: '1773486558000000',
  answer_uepoch: '0',
  end_uepoch: '1773486588000000',
  duration: '30',
  billsec: '0',
  sip_hangup_disposition: 'send_cancel',
  sip_term_status: '487',
}
const unansweredDiffers = {
  created_at: '2026-03-14T11:09:18.000000Z',
  ended_at: '2026-03-14T11:09:48.000000Z',
}

// What Kamailio 5.6.3 of Debian 12 wrote of calls that test/field/kamailio.test.ts makes; each call has its own id.
const kamailio = (record: object) => ({
  direction: 'inbound',
  caller: '+14155550132',
  name: '',
  called: '+442079460958',
  ...record,
})

export const RECORDS: readonly AdapterRecord[] = [
  {
    adapter: 'asterisk-cdr',
    fieldCase: '001',
    types: ['call.ended'],
    options: { offset: '+00:00' },
    record: [
      {
        accountcode: '',
        src: '100',
        dst: '200',
        dcontext: 'default',
        clid: '"Caller" <100>',
        channel: 'SIP/100-00000000',
        dstchannel: 'SIP/200-00000001',
        lastapp: 'Dial',
        lastdata: 'SIP/200,,tT',
        start: '2013-03-04 13:11:18',
        answer: '2013-03-04 13:11:26',
        end: '2013-03-04 13:13:18',
        duration: 120,
        billsec: 112,
        disposition: 'ANSWERED',
        amaflags: 'DOCUMENTATION',
        userfield: '',
        uniqueid: 'Asterisk-01-1362424276.2',
        linkedid: 'Asterisk-01-1362424276.2',
        sequence: 12,
      },
    ],
    differs: {
      'from.number': '100',
      'to.number': '200',
      amaflags: undefined,
      sequence: undefined,
    },
  },
  {
    adapter: 'asterisk-cdr',
    fieldCase: '003',
    types: ['call.ended'],
    options: { offset: '+00:00' },
    record: [
      {
        src: '100',
        dst: '02079460123',
        clid: '"" <100>',
        start: '2009-01-14 23:51:15',
        answer: '',
        end: '2009-01-14 23:51:20',
        duration: '5',
        billsec: '0',
        disposition: 'CONGESTION',
        uniqueid: '1231977075.0',
        linkedid: '1231977075.0',
        sequence: '0',
      },
    ],
    differs: { 'from.number': '100' },
  },
  // A name with quotation marks, as Asterisk 22.10.1 escapes what came escaped by SIP.
  {
    adapter: 'asterisk-cdr',
    types: ['call.ended'],
    record: [
      {
        src: '+14155550132',
        dst: '200',
        clid: '"Zoë \\\\\\"Z\\\\\\" Müller" <+14155550132>',
        start: '2026-11-18 14:02:11',
        answer: '',
        end: '2026-11-18 14:02:31',
        duration: '20',
        billsec: '0',
        disposition: 'NO ANSWER',
        uniqueid: '1795435199.100',
        linkedid: '1795435199.100',
        sequence: '7',
      },
    ],
  },
  // A row of FreePBX's table: calldate alone, numbers as the driver gives them.
  {
    adapter: 'asterisk-cdr',
    types: ['call.ended'],
    options: { offset: '+01:00' },
    record: [
      {
        calldate: '2026-11-18 23:59:51',
        clid: '"Zoë" <+14155550132>',
        src: '+14155550132',
        dst: '200',
        dcontext: 'from-internal',
        channel: 'PJSIP/trunk-00000001',
        dstchannel: 'PJSIP/200-00000002',
        lastapp: 'Dial',
        lastdata: 'PJSIP/200',
        duration: 20,
        billsec: 8,
        disposition: 'ANSWERED',
        amaflags: 3,
        accountcode: '',
        userfield: '',
        did: '+4930901820',
        recordingfile: '',
        uniqueid: '1795435191.300',
        linkedid: '1795435191.300',
        peeraccount: '',
        sequence: 11,
      },
    ],
  },
  {
    adapter: 'asterisk-cdr',
    types: [],
    record: [{ src: '100', dst: 's', uniqueid: '1231977075.1', linkedid: '1231977075.0', disposition: 'ANSWERED' }],
  },
  {
    adapter: 'asterisk-queues',
    fieldCase: '010',
    types: ['queue.abandoned'],
    record: {
      Event: 'QueueCallerAbandon',
      Privilege: 'agent,all',
      Timestamp: '1351853793.220',
      Channel: 'SIP/trunk-00000042',
      CallerIDNum: '<unknown>',
      CallerIDName: '<unknown>',
      Uniqueid: '1351853779.111',
      Linkedid: '1351853779.111',
      Queue: 'org_id2',
      Position: '1',
      OriginalPosition: '1',
      HoldTime: '14',
    },
    // The event has the length of the wait, not its beginning; and it is the same when the time of the queue ran out.
    differs: { entered_at: undefined, reason: null },
  },
  {
    adapter: 'asterisk-queues',
    fieldCase: '011',
    types: ['agent.paused'],
    record: {
      Event: 'QueueMemberPause',
      Timestamp: '1731624039.000000',
      Queue: 'complaints',
      MemberName: 'PJSIP/2107',
      Interface: 'PJSIP/2107',
      StateInterface: 'PJSIP/2107',
      Paused: '1',
      PausedReason: '',
      Status: '2',
    },
    differs: { 'reason.code': null, paused_by: undefined, paused_at: '2024-11-14T22:40:39.000Z' },
  },
  {
    adapter: 'asterisk-queues',
    types: ['queue.entered'],
    record: {
      Event: 'QueueCallerJoin',
      Timestamp: '1351853779.206',
      CallerIDNum: '+14155550132',
      CallerIDName: 'Jordan Ellis',
      Uniqueid: '1351853779.111',
      Linkedid: '1351853779.111',
      Queue: 'org_id2',
      Position: '1',
      Count: '1',
    },
  },
  {
    adapter: 'asterisk-queues',
    types: ['agent.status_changed'],
    record: {
      Event: 'QueueMemberPause',
      Queue: 'complaints',
      MemberName: 'Maya',
      Interface: 'PJSIP/2107',
      Paused: '0',
    },
  },
  { adapter: 'asterisk-queues', types: [], record: { Event: 'Newchannel', Uniqueid: '1' } },
  // As Asterisk 22.10.1 writes the name Sean "Z" O'Brien?, which came by SIP.
  {
    adapter: 'asterisk-queues',
    types: ['queue.abandoned'],
    options: { reason: 'timeout' },
    record: {
      Event: 'QueueCallerAbandon',
      Timestamp: '1795963700.870941',
      CallerIDNum: '+14155550132',
      CallerIDName: 'Sean \\\\\\"Z\\\\\\" O\\\'Brien\\?',
      Uniqueid: '1795963660.29',
      Linkedid: '1795963660.29',
      ChanVariable: ['CALLERID(num-pres)=allowed_not_screened', 'DID='],
      Queue: 'sales',
      Position: '1',
      OriginalPosition: '1',
      HoldTime: '12',
    },
  },
  // As npm asterisk-manager 0.2.0 gives it.
  {
    adapter: 'asterisk-queues',
    types: ['queue.entered'],
    record: {
      event: 'QueueCallerJoin',
      timestamp: '1795435200.123456',
      calleridnum: '02079460958',
      calleridname: 'Zoë',
      uniqueid: '1795435199.100',
      linkedid: '1795435199.100',
      chanvariable: { DID: '+442079460958' },
      queue: '0800',
      position: '1',
      count: '1',
    },
  },
  // The other leg of a call, which mod_json_cdr posts too with log-b-leg.
  {
    adapter: 'freeswitch',
    types: [],
    record: freeswitch({
      ...unanswered,
      uuid: '5a3a0000-90d3-4db4-af5c-cc3a000093a6',
      hangup_cause: 'NORMAL_CLEARING',
    }),
  },
  // A name in Latin-1, encoded byte by byte.
  {
    adapter: 'freeswitch',
    types: ['call.ended'],
    record: {
      ...freeswitch({
        ...unanswered,
        uuid: '5a3a0000-90d3-4db4-af5c-cc3a000093a5',
        call_uuid: '5a3a0000-90d3-4db4-af5c-cc3a000093a5',
        hangup_cause: 'USER_BUSY',
      }),
      callflow: [
        {
          caller_profile: {
            caller_id_name: 'Zo%EB%20M%FCller',
            caller_id_number: '%2B14155550132',
            destination_number: '1002',
          },
        },
      ],
    },
  },
  {
    adapter: 'freeswitch',
    fieldCase: '015',
    types: ['call.ended'],
    record: freeswitch({
      direction: 'inbound',
      start_uepoch: '1521025758006702',
      answer_uepoch: '1521025767766321',
      end_uepoch: '1521025788366141',
      start_stamp: '2018-03-14 07:09:18',
      duration: '30',
      billsec: '21',
      answersec: '9',
      hold_accum_seconds: '15',
      hangup_cause: 'NORMAL_CLEARING',
      hangup_cause_q850: '16',
      sip_term_status: '200',
      sip_hangup_disposition: 'recv_bye',
      rtp_audio_in_mos: '4.49',
      rtp_audio_in_jitter_max_variance: '31.77',
      read_codec: 'G722',
      sip_call_id: '985e000000000000000000000000449f%400%3A0%3A0%3A0%3A0%3A0%3A0%3A0',
    }),
    // The variance has square milliseconds.
    differs: { 'from.number': '1001', 'to.number': '1002', 'quality.jitter_ms': 5.64, transfers: undefined },
  },
  {
    adapter: 'freeswitch',
    fieldCase: '018',
    types: ['call.ended'],
    record: freeswitch(
      { ...unanswered, hangup_cause: 'LOSE_RACE', hangup_cause_q850: '702' },
      '+14155550132',
      '+442079460123',
    ),
    differs: unansweredDiffers,
  },
  {
    adapter: 'freeswitch',
    fieldCase: '020',
    types: ['call.ended'],
    record: freeswitch(
      { ...unanswered, hangup_cause: 'SUCCESS', hangup_cause_q850: '142' },
      '%2B14155550132',
      '%2B442079460123',
    ),
    differs: unansweredDiffers,
  },
  {
    adapter: 'freeswitch',
    fieldCase: '021',
    types: ['call.ended'],
    record: freeswitch(
      {
        uuid: '9b3c-1',
        call_uuid: '9b3c-1',
        direction: 'outbound',
        start_uepoch: '1589295600000000',
        answer_uepoch: '0',
        end_uepoch: '1589295600000000',
        duration: '-1589295600',
        answersec: '-1589295600',
        billsec: '0',
        hangup_cause: 'ORIGINATOR_CANCEL',
      },
      '+14155550132',
      '+442079460123',
    ),
    // Lengths below zero are a fault of the switch, and the record does not say who hung up.
    differs: {
      created_at: '2020-05-12T15:00:00.000000Z',
      ended_at: '2020-05-12T15:00:00.000000Z',
      status: 'canceled',
      'durations.total_seconds': null,
      'durations.ring_seconds': null,
      'hangup.source': null,
    },
  },
  {
    adapter: 'twilio',
    fieldCase: '035',
    types: ['call.created'],
    record: {
      CallSid: 'CA0000aaaa1111bbbb2222cccc3333dddd',
      CallStatus: 'initiated',
      Direction: 'outbound-api',
      From: '+18885550191',
      To: '+442079460123',
      Timestamp: 'Thu, 12 Feb 2026 11:48:25 +0000',
      SequenceNumber: '0',
      CallbackSource: 'call-progress-events',
    },
    differs: { state: 'initiated', created_at: '2026-02-12T11:48:25.000Z' },
  },
  {
    adapter: 'twilio',
    fieldCase: '036',
    types: ['call.ended'],
    options: { createdAt: '2016-11-01T01:58:13Z' },
    record: {
      CallSid: 'CA0000aaaa1111bbbb2222cccc3333dddd',
      CallStatus: 'no-answer',
      Direction: 'outbound-api',
      From: '+12015550132',
      To: '+442079460123',
      Timestamp: 'Tue, 01 Nov 2016 01:59:13 +0000',
      CallDuration: '0',
      SipResponseCode: '487',
      SequenceNumber: '0',
    },
    differs: { ended_at: '2016-11-01T01:59:13.000Z', 'hangup.cause': undefined },
  },
  {
    adapter: 'twilio',
    types: ['call.ended'],
    record: {
      CallSid: 'CAaa',
      CallStatus: 'completed',
      Direction: 'inbound',
      From: 'client:alice',
      To: '+14155550132',
      CallDuration: '12',
      Timestamp: 'Tue, 01 Nov 2016 01:59:13 +0000',
    },
  },
  {
    adapter: 'twilio',
    fieldCase: '038',
    types: ['queue.entered'],
    options: { receivedAt: new Date('2026-02-12T11:48:25Z') },
    record: {
      CallSid: 'CAab',
      CallStatus: 'ringing',
      Direction: 'inbound',
      From: '+266696687',
      To: '+14155550132',
      QueueSid: 'QU0123456789abcdef0123456789abcdef',
      QueuePosition: '1',
      QueueTime: '0',
      CurrentQueueSize: '1',
    },
    differs: {
      'queue.queue_id': 'QU0123456789abcdef0123456789abcdef',
      'from.number': null,
      entered_at: '2026-02-12T11:48:25.000Z',
      entry_source: undefined,
    },
  },
  {
    adapter: 'twilio',
    fieldCase: '040',
    types: ['call.answered'],
    record: {
      CallSid: 'CAae',
      CallStatus: 'in-progress',
      Direction: 'outbound-api',
      From: '+14155550132',
      To: '+442079460123',
      AnsweredBy: 'machine_end_beep',
      Timestamp: 'Thu, 12 Feb 2026 11:48:25 +0000',
      SequenceNumber: '2',
    },
    differs: { state: 'in_progress', answered_at: '2026-02-12T11:48:25.000Z', 'answered_by.type': 'machine' },
  },
  {
    adapter: 'amazon-connect',
    fieldCase: '061',
    types: ['call.ended', 'call.recorded'],
    record: {
      AWSAccountId: '123456789012',
      Channel: 'VOICE',
      ContactId: '6fe40000-1a89-4d73-bfcf-5d9c00000f47',
      InitialContactId: null,
      InitiationMethod: 'INBOUND',
      InitiationTimestamp: '2022-01-05T17:12:59Z',
      ConnectedToSystemTimestamp: '2022-01-05T17:12:59Z',
      DisconnectTimestamp: '2022-01-05T17:47:28Z',
      LastUpdateTimestamp: '2022-01-05T17:49:01Z',
      DisconnectReason: 'CUSTOMER_DISCONNECT',
      CustomerEndpoint: { Address: '+14155550132', Type: 'TELEPHONE_NUMBER' },
      SystemEndpoint: { Address: '+18555550136', Type: 'TELEPHONE_NUMBER' },
      Agent: {
        ARN: 'arn:aws:connect:us-east-1:123456789012:instance/25820000-967d-46f9-a510-b7f000009eea/agent/1',
        AgentInteractionDuration: 239,
        ConnectedToAgentTimestamp: '2022-01-05T17:20:32Z',
        CustomerHoldDuration: 221,
      },
      Queue: {
        ARN: 'arn:aws:connect:us-east-1:123456789012:instance/25820000-967d-46f9-a510-b7f000009eea/queue/078c0000-ae69-4bf9-8441-1b2c00005f60',
        Name: 'support',
        Duration: 453,
      },
      Recordings: [
        {
          Location: 'connect-acme/connect/acme/CallRecordings/2022/01/05/6fe40000_20220105T17:20_UTC.wav',
          MediaStreamType: 'AUDIO',
          ParticipantType: null,
          StartTimestamp: null,
          StopTimestamp: null,
          Status: null,
          StorageType: 'S3',
        },
      ],
      Attributes: { SurveyFlag: 'N', Type_Flag: '', CodeNum: '0' },
    },
    differs: { 'from.type': 'external', 'to.type': 'phone_number' },
  },
  {
    adapter: 'amazon-connect',
    types: [],
    record: { Channel: 'CHAT', ContactId: 'x', DisconnectTimestamp: '2022-01-05T17:47:28Z' },
  },
  ...genesys(),
  {
    adapter: 'kamailio',
    types: ['call.ended'],
    record: kamailio({
      start_time: '1795942928.046',
      end_time: '1795942929.653',
      duration: '1.607',
      call_id: 'a1@192.0.2.10',
      name: '"Zo\u00EB \\"Z\\""',
      answered: '1795942928.452740',
      caller_tag: 'a1',
      ended: '1795942929.654380',
      ended_by: 'a1',
      code: '200',
    }),
  },
  {
    adapter: 'kamailio',
    types: ['call.ended'],
    record: kamailio({
      start_time: '1795942929.955',
      end_time: '1795942931.559',
      duration: '1.604',
      call_id: 'a2@192.0.2.10',
      name: 'NON-UTF8',
      answered: '1795942930.357904',
      caller_tag: 'a2',
      ended: '1795942931.560334',
      ended_by: 'callee',
      code: '200',
    }),
  },
  {
    adapter: 'kamailio',
    types: ['call.ended'],
    record: kamailio({
      start_time: '1795942932.164',
      end_time: '1795942932.164',
      duration: '0',
      call_id: 'a4@192.0.2.10',
      answered: '',
      caller_tag: 'a4',
      ended: '1795942935.166698',
      ended_by: 'a4',
      code: '487',
    }),
  },
  {
    adapter: 'kamailio',
    fieldCase: '031',
    types: ['call.ended'],
    record: kamailio({
      start_time: '1474637733.123',
      end_time: '1474637733.123',
      duration: '0',
      call_id: 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6@192.0.2.10',
      caller: '1001',
      called: '+442079460123',
      answered: '',
      caller_tag: 'a5',
      ended: '1474637733.623457',
      ended_by: 'a5',
      code: '486',
    }),
    differs: {
      'from.type': 'extension',
      'from.number': '1001',
      'to.type': 'external',
      created_at: '2016-09-23T13:35:33.123Z',
      'hangup.source': null,
      'hangup.cause': undefined,
    },
  },
  {
    adapter: 'vapi',
    fieldCase: '103',
    types: ['transcript.segment'],
    record: {
      type: 'transcript',
      role: 'user',
      transcriptType: 'partial',
      transcript: 'I would like to book',
      timestamp: 1_789_660_801_200,
      call: { id: 'c1' },
    },
    // A live segment has no number, no place in the call and no id of its own.
    differs: {
      segment_id: 'c1-1789660801200',
      index: undefined,
      start_ms: undefined,
      end_ms: undefined,
      offset_from: undefined,
    },
  },
  {
    adapter: 'vapi',
    fieldCase: '105',
    types: ['ai_agent.completed'],
    record: {
      type: 'end-of-call-report',
      endedReason: 'customer-did-not-answer',
      timestamp: 1_789_660_842_500,
      startedAt: '2026-09-17T16:00:00.000Z',
      endedAt: '2026-09-17T16:00:42.000Z',
      durationSeconds: 0,
      artifact: { transcript: '', messages: [] },
      analysis: {},
      assistant: { id: 'asst_1' },
      call: { id: 'c2', assistantId: 'asst_1' },
    },
    differs: { exit_reason: 'no_answer' },
  },
  {
    adapter: 'vapi',
    types: ['ai_agent.completed', 'transcript.completed', 'call.recorded'],
    record: {
      type: 'end-of-call-report',
      endedReason: 'assistant-forwarded-call',
      timestamp: 1_789_660_842_500,
      startedAt: '2026-09-17T16:00:00.000Z',
      endedAt: '2026-09-17T16:00:42.000Z',
      durationSeconds: 42.417,
      artifact: {
        transcript: 'AI: Hi.\nUser: "Hello" 😀.\n'.repeat(20_000),
        recordingUrl: 'https://storage.vapi.example/c3.wav',
      },
      analysis: { summary: 'The caller was forwarded.', successEvaluation: 'true' },
      call: { id: 'c3', assistantId: 'asst_1' },
    },
  },
  {
    adapter: 'retell',
    fieldCase: '106',
    types: ['ai_agent.completed'],
    record: {
      event: 'call_analyzed',
      call: {
        call_type: 'phone_call',
        call_id: 'Jabr9TXYYJHfvl6Syypi88rdAHYHmcq6',
        agent_id: 'oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD',
        agent_version: 1,
        call_status: 'ended',
        start_timestamp: 1_714_608_475_945,
        end_timestamp: 1_714_608_491_736,
        duration_ms: 15_791,
        disconnection_reason: 'user_hangup',
        call_analysis: { user_sentiment: 'Positive' },
      },
    },
  },
  {
    adapter: 'retell',
    fieldCase: '108',
    types: ['ai_agent.completed', 'transcript.completed', 'call.recorded'],
    record: {
      event: 'call_ended',
      call: {
        call_id: 'Jabr9',
        agent_id: 'oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD',
        start_timestamp: 1_714_608_475_945,
        end_timestamp: 1_714_608_491_736,
        duration_ms: 15_791,
        disconnection_reason: 'agent_hangup',
        transcript: 'Agent: Hi.\nUser: Hello.',
        transcript_object: [
          { role: 'agent', content: 'Hi.' },
          { role: 'user', content: 'Hello.' },
        ],
        recording_url: 'https://storage.retell.example/Jabr9/recording.wav',
        latency: { e2e: { p50: 800, p95: 1_500.5 } },
      },
    },
    differs: { transcript: undefined },
  },
  {
    adapter: 'retell',
    types: ['ai_agent.completed'],
    record: { event: 'call_ended', call: { call_id: 'never', agent_id: 'a', disconnection_reason: 'dial_failed' } },
  },
  { adapter: 'retell', types: [], record: { event: 'call_started', call: { call_id: 'x' } } },
]

function genesys(): AdapterRecord[] {
  const conversation = {
    conversationId: '32d23263',
    conversationStart: '2024-04-29T17:30:43.134Z',
    conversationEnd: '2024-04-29T17:40:01.500Z',
    originatingDirection: 'inbound',
    participants: [
      {
        participantId: 'p-1',
        purpose: 'customer',
        sessions: [
          {
            sessionId: 's-1',
            mediaType: 'voice',
            ani: 'tel:+551155550880',
            dnis: 'tel:+551155550100',
            segments: [
              {
                segmentType: 'interact',
                segmentStart: '2024-04-29T17:30:43.134Z',
                segmentEnd: '2024-04-29T17:40:01.500Z',
                disconnectType: 'peer',
                sipResponseCodes: [200],
                q850ResponseCodes: [16],
              },
            ],
          },
        ],
      },
      {
        participantId: 'p-2',
        purpose: 'ivr',
        sessions: [
          {
            sessionId: 's-2',
            mediaType: 'voice',
            flow: {
              flowId: '19990000-789e-4f58-851e-502a000007e9',
              flowName: 'Menu',
              flowVersion: '5.0',
              exitReason: 'TRANSFER',
              transferType: 'ACD',
              transferTargetAddress: '39988345',
            },
            segments: [
              { segmentType: 'ivr', segmentStart: '2024-04-29T17:30:43.134Z', segmentEnd: '2024-04-29T17:31:47.622Z' },
            ],
          },
        ],
      },
      {
        participantId: 'p-3',
        purpose: 'acd',
        sessions: [{ sessionId: 's-3', mediaType: 'voice', segments: [], metrics: [{ name: 'tAcd', value: 7_700 }] }],
      },
      {
        participantId: 'p-4',
        purpose: 'agent',
        userId: '0aa00000',
        participantName: 'first agent',
        sessions: [
          {
            sessionId: 's-4',
            mediaType: 'voice',
            segments: [
              {
                segmentType: 'alert',
                segmentStart: '2024-04-29T17:31:47.622Z',
                segmentEnd: '2024-04-29T17:31:55.377Z',
                disconnectType: 'noAnswerTransfer',
              },
            ],
            metrics: [{ name: 'tAlert', value: 7_755 }],
          },
        ],
      },
      {
        participantId: 'p-5',
        purpose: 'agent',
        userId: '2eb54224',
        participantName: 'next agent',
        sessions: [
          {
            sessionId: 'ea6e6341',
            mediaType: 'voice',
            sessionDnis: 'sip:65a560a1+example.orgspan.com;tgrp=7ec137ee;trunk-context=example@localhost',
            segments: [
              {
                segmentType: 'alert',
                segmentStart: '2024-04-29T17:31:57.716Z',
                segmentEnd: '2024-04-29T17:32:00.080Z',
              },
              {
                segmentType: 'interact',
                segmentStart: '2024-04-29T17:32:00.080Z',
                segmentEnd: '2024-04-29T17:40:01.500Z',
                queueId: '39988345',
              },
            ],
            metrics: [
              { name: 'tAlert', value: 2_364 },
              { name: 'tTalk', value: 481_420 },
            ],
          },
        ],
      },
    ],
  }
  const types = ['ivr.completed', 'call.transferred', 'call.answered', 'call.ended']
  const of = (fieldCase: string, differs: Record<string, unknown>) => ({
    adapter: 'genesys',
    record: conversation,
    fieldCase,
    differs,
    types,
  })
  return [
    of('070', {}),
    of('071', { 'ivr.version': '5.0', 'routed_to.type': 'queue' }),
    of('073', {
      transfer_id: 's-4-0',
      transfer_type: 'no_answer_transfer',
      initiated_at: undefined,
    }),
  ]
}
