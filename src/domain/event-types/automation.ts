import { z } from 'zod'
import aiAgentCompletedExample from './examples/ai_agent.completed.json' with { type: 'json' }
import ivrCompletedExample from './examples/ivr.completed.json' with { type: 'json' }
import {
  anyText,
  callId,
  count,
  destination,
  type EventTypeDefinition,
  freeForm,
  id,
  milliseconds,
  native,
  seconds,
  text,
  time,
  word,
} from './shapes.ts'

const ivrCompleted = z.looseObject({
  call_id: callId,
  ivr: z.looseObject({
    ivr_id: id().describe('The IVR flow.'),
    name: anyText().nullish().describe('Display name.'),
    version: z.union([z.string(), z.number()]).nullish().describe('Version of the flow, as text or number.'),
  }),
  started_at: time().nullish().describe('When the flow began.'),
  completed_at: time().describe('When it ended.'),
  duration_seconds: seconds().nullish().describe('Seconds, rounded down.'),
  exit_reason: word('routed', 'caller_hangup', 'completed', 'max_retries', 'timeout', 'error')
    .nullish()
    .describe('Why the flow ended; null when the system does not say.'),
  exit_node: anyText().nullish().describe('The last node.'),
  routed_to: destination.nullish().describe('null unless exit_reason is routed.'),
  variables: freeForm().nullish().describe('What the flow captured; sensitive values read [redacted].'),
  path: z
    .array(
      z.looseObject({
        node: text().describe('The node.'),
        entered_at: time().nullish().describe('When the caller reached it.'),
        input: anyText().nullish().describe('What the caller typed or said; null when nothing.'),
        input_mode: z.enum(['dtmf', 'speech']).nullish().describe('null when there was no input.'),
      }),
    )
    .nullish()
    .describe('The nodes in the order they were reached.'),
  invalid_input_count: count().nullish().describe('Inputs the flow did not understand.'),
  timeout_count: count().nullish().describe('Times the caller gave no input.'),
  native,
})

const aiAgentCompleted = z.looseObject({
  call_id: callId,
  conversation_id: id().describe('The conversation.'),
  ai_agent: z.looseObject({
    ai_agent_id: id().describe('The AI agent.'),
    name: anyText().nullish().describe('Display name.'),
    version: anyText().nullish().describe('Version of the AI agent, as text.'),
  }),
  started_at: time().nullish().describe('When its part began; null when it never spoke.'),
  completed_at: time().describe('When its part ended.'),
  duration_seconds: seconds().nullish().describe('Seconds, rounded down.'),
  exit_reason: word(
    'resolved',
    'transferred_to_human',
    'transferred_to_ivr',
    'caller_hangup',
    'agent_hangup',
    'max_duration',
    'silence_timeout',
    'voicemail_detected',
    'guardrail_stop',
    'no_answer',
    'busy',
    'error',
  )
    .nullish()
    .describe('Why its part ended; null when the system does not say.'),
  exit_detail: anyText().nullish().describe('More about exit_reason.'),
  transferred_to: destination.nullish().describe('null unless exit_reason starts with transferred_to.'),
  outcome: z
    .looseObject({
      resolved: z.boolean().nullish().describe('Whether the matter was settled.'),
      sentiment: anyText().nullish().describe('Such as positive, neutral, negative.'),
      summary: anyText().nullish(),
    })
    .nullish()
    .describe('What came of the conversation.'),
  collected_data: freeForm().nullish().describe('Values the AI agent gathered.'),
  turn_count: count().nullish().describe('Turns of both sides.'),
  tool_calls: z
    .array(
      z.looseObject({
        name: text().describe('The tool.'),
        status: anyText().nullish().describe('Such as succeeded, failed.'),
        duration_ms: milliseconds().nullish().describe('Milliseconds it took.'),
      }),
    )
    .nullish()
    .describe('What it called, in order.'),
  response_latency_ms: z
    .looseObject({
      p50: z.number().nonnegative().nullish().describe('Median, milliseconds.'),
      p95: z.number().nonnegative().nullish().describe('95th percentile, milliseconds.'),
    })
    .nullish()
    .describe('How long the caller waited for its answers.'),
  native,
})

export const automationEventTypes: readonly EventTypeDefinition[] = [
  {
    name: 'ivr.completed',
    schema: ivrCompleted,
    example: ivrCompletedExample,
    description:
      'An IVR flow ended. variables holds what it captured, sensitive values read [redacted]; path lists the nodes in order. routed_to is null unless exit_reason is routed.',
  },
  {
    name: 'ai_agent.completed',
    schema: aiAgentCompleted,
    example: aiAgentCompletedExample,
    description:
      'The part of an AI agent in a call ended. exit_reason says why; transferred_to is null unless it starts with transferred_to. collected_data and tool_calls tell what it gathered and did.',
  },
]
