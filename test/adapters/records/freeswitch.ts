// Legs of calls as mod_json_cdr of FreeSWITCH posts them.

import type { AdapterRecord } from './record.ts'

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

export const FREESWITCH: readonly AdapterRecord[] = [
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
]
