import { z } from 'zod'
import agentPausedExample from './examples/agent.paused.json' with { type: 'json' }
import agentStatusChangedExample from './examples/agent.status_changed.json' with { type: 'json' }
import {
  agent,
  agentStatus,
  anyText,
  callId,
  type EventTypeDefinition,
  id,
  ids,
  native,
  seconds,
  time,
  word,
} from './shapes.ts'

const by = word('agent', 'system', 'supervisor')
const queueIds = ids().nullish().describe('Queues the agent serves.')
const statusLabel = anyText().nullish().describe('Display text: Available, On Call, On Break, Logged Out.')

const agentStatusChanged = z.looseObject({
  agent,
  previous_status: agentStatus.nullish().describe('null when none is known.'),
  status: agentStatus.describe('The new status.'),
  status_label: statusLabel,
  changed_at: time().describe('When it changed.'),
  previous_status_seconds: seconds().nullish().describe('Seconds the previous status lasted.'),
  changed_by: by.nullish().describe('Who changed it; null when the system does not say.'),
  call_id: callId.nullish().describe('Filled only for on_call.'),
  queue_ids: queueIds,
  login_session_id: id().nullish().describe('The session; null when logged out.'),
  logged_in_at: time().nullish().describe('When the session began; null when logged out.'),
  native,
})

const agentPaused = z.looseObject({
  agent,
  reason: z
    .looseObject({
      code: anyText()
        .nullish()
        .describe(
          "From the tenant's own list: lunch, break, training, meeting, admin, technical, …; null when no reason was given.",
        ),
      label: anyText().nullish().describe('Display text.'),
      paid: z.boolean().nullish().describe('Whether the pause is paid.'),
    })
    .nullish()
    .describe('Why the agent paused; null when no reason was given.'),
  note: anyText().nullish().describe("The agent's own words."),
  paused_at: time().describe('When the pause began.'),
  expected_resume_at: time().nullish().describe('null when open-ended.'),
  paused_by: by.nullish().describe('Who paused the agent; null when the system does not say.'),
  previous_status: agentStatus.nullish().describe('null when none is known.'),
  status: agentStatus.describe('The new status: on_break.'),
  status_label: statusLabel,
  queue_ids: queueIds,
  native,
})

export const agentEventTypes: readonly EventTypeDefinition[] = [
  {
    name: 'agent.status_changed',
    schema: agentStatusChanged,
    example: agentStatusChangedExample,
    description:
      'The status of an agent changed. The subject is the agent, so that sequence orders the events of one agent; call_id is filled only for on_call.',
  },
  {
    name: 'agent.paused',
    schema: agentPaused,
    example: agentPausedExample,
    description:
      'An agent stopped taking calls and said why. agent.status_changed to on_break comes with it, for the same agent_id. Reason codes are the own list of the tenant.',
  },
]
