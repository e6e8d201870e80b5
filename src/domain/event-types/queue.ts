import { z } from 'zod'
import queueAbandonedExample from './examples/queue.abandoned.json' with { type: 'json' }
import queueEnteredExample from './examples/queue.entered.json' with { type: 'json' }
import {
  callId,
  count,
  type EventTypeDefinition,
  native,
  ordinal,
  party,
  queue,
  seconds,
  texts,
  time,
  word,
} from './shapes.ts'

const queueEntered = z.looseObject({
  call_id: callId,
  queue,
  from: party.describe('Who waits.'),
  entered_at: time().describe('When the wait began.'),
  entry_source: word('inbound', 'ivr', 'ai_agent', 'transfer', 'overflow', 'callback')
    .nullish()
    .describe('Where the call came from; null when the system does not say.'),
  entry_number: ordinal().nullish().describe('How often this call has entered this queue.'),
  position: ordinal().nullish().describe('1 is the next call to be served.'),
  priority: z.int().nullish().describe("The tenant's own scale."),
  required_skills: texts().nullish().describe('Skills an agent must have.'),
  estimated_wait_seconds: seconds().nullish().describe('Seconds; null when unknown.'),
  waiting_calls: count().nullish().describe('Calls in the queue, this one included.'),
  agents_available: count().nullish().describe('Agents free to take a call.'),
  agents_logged_in: count().nullish().describe('Agents of the queue who are logged in.'),
  native,
})

const queueAbandoned = z.looseObject({
  call_id: callId,
  queue,
  from: party.describe('Who waited.'),
  entered_at: time().nullish().describe('When the wait began; null when only its length is known.'),
  abandoned_at: time().describe('When it ended without an answer.'),
  wait_seconds: seconds().nullish().describe('Seconds waited, rounded down.'),
  position_at_entry: ordinal().nullish().describe('1 is the next call to be served.'),
  position_at_abandon: ordinal().nullish().describe('1 is the next call to be served.'),
  reason: word(
    'caller_hangup',
    'timeout',
    'voicemail',
    'callback_requested',
    'no_agents',
    'key_pressed',
    'transferred',
    'queue_full',
    'system',
  )
    .nullish()
    .describe('Why the call left the queue; null when the system does not say.'),
  short_abandon: z
    .boolean()
    .nullish()
    .describe("The wait was under the tenant's threshold (5 s by default); reports usually leave it out."),
  estimated_wait_seconds_at_entry: seconds().nullish().describe('Seconds; null when unknown.'),
  sla_threshold_seconds: seconds().nullish().describe('Seconds within which it should have been answered.'),
  sla_met: z.boolean().nullish().describe('Whether it was.'),
  offered_agents: count().nullish().describe('Agents the call was offered to.'),
  callback_requested: z.boolean().nullish().describe('Whether the caller asked to be called back.'),
  native,
})

export const queueEventTypes: readonly EventTypeDefinition[] = [
  {
    name: 'queue.entered',
    schema: queueEntered,
    example: queueEnteredExample,
    description:
      'A call began to wait in a queue. Position 1 is served next; entry_number says how often this call has entered this queue.',
  },
  {
    name: 'queue.abandoned',
    schema: queueAbandoned,
    example: queueAbandonedExample,
    description:
      'A waiting call left the queue unanswered. short_abandon marks waits below the threshold of the tenant (5 s by default), which abandon rates usually leave out.',
  },
]
