// Rows of Asterisk's CDR, and events of its manager interface.

import type { AdapterRecord } from './record.ts'

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

export const ASTERISK: readonly AdapterRecord[] = [
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
]
