// What the platforms of voice agents post: Vapi and Retell.

import type { AdapterRecord } from './record.ts'

export const VOICE_AGENTS: readonly AdapterRecord[] = [
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
    // What an assistant sends whose `serverMessages` ask for final texts alone.
    adapter: 'vapi',
    types: ['transcript.segment'],
    record: {
      type: 'transcript[transcriptType="final"]',
      role: 'assistant',
      transcriptType: 'final',
      transcript: 'For which day?',
      timestamp: 1_789_660_803_400,
      call: { id: 'c1' },
    },
  },
  {
    adapter: 'vapi',
    types: ['transcript.segment'],
    options: { receivedAt: new Date('2026-09-17T16:00:05Z') },
    record: {
      type: 'transcript',
      role: 'user',
      transcriptType: 'final',
      transcript: 'Tuesday.',
      call: { id: 'c1' },
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
