// A conversation of Genesys Cloud, which becomes several events.

import type { AdapterRecord } from './record.ts'

export function genesys(): AdapterRecord[] {
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
