// Calls as acc_json of Kamailio writes them.

import type { AdapterRecord } from './record.ts'

// What Kamailio 5.6.3 of Debian 12 wrote of calls that test/field/kamailio.test.ts makes; each call has its own id.
const kamailio = (record: object) => ({
  direction: 'inbound',
  caller: '+14155550132',
  name: '',
  called: '+442079460958',
  ...record,
})

export const KAMAILIO: readonly AdapterRecord[] = [
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
]
