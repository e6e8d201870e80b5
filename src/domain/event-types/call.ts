import { z } from 'zod'
import callAnsweredExample from './examples/call.answered.json' with { type: 'json' }
import callCreatedExample from './examples/call.created.json' with { type: 'json' }
import callEndedExample from './examples/call.ended.json' with { type: 'json' }
import callRecordedExample from './examples/call.recorded.json' with { type: 'json' }
import callTransferredExample from './examples/call.transferred.json' with { type: 'json' }
import {
  anyText,
  billedSeconds,
  callId,
  count,
  currency,
  customData,
  decimalAmount,
  dialled,
  direction,
  type EventTypeDefinition,
  fileUrl,
  fileUrlExpiresAt,
  id,
  ids,
  label,
  legId,
  measure,
  native,
  ordinal,
  party,
  queue,
  seconds,
  tags,
  text,
  texts,
  time,
  word,
} from './shapes.ts'

const transferType = word('blind', 'attended', 'three_way')
const transferStatus = word('completed', 'failed', 'canceled')

const callCreated = z.looseObject({
  call_id: callId,
  leg_id: legId,
  direction,
  state: word('initiated', 'queued', 'ringing', 'early_media', 'parked', 'up').describe(
    'State of the leg when it was set up; up: it was answered at once.',
  ),
  from: party.describe('Who calls.'),
  to: party.describe('Who is called.'),
  created_at: time().describe('When the leg was set up.'),
  stir_shaken: z
    .looseObject({
      attestation: anyText().nullish().describe('A, B or C; null when the call carries none.'),
      verified: z.boolean().nullish().describe('Whether the signature was verified.'),
    })
    .nullish()
    .describe('Caller ID attestation; null where the network has none.'),
  sip_call_id: anyText().nullish().describe('SIP Call-ID; null for a leg without SIP.'),
  tags,
  custom_data: customData,
  native,
})

const callAnswered = z.looseObject({
  call_id: callId,
  leg_id: legId.describe('The leg that answered.'),
  direction,
  state: label('in_progress', 'connected', 'answered').describe('State of the call: in_progress.'),
  from: party.describe('Who calls.'),
  to: party.describe('Who was called.'),
  answered_at: time().describe('When the leg answered.'),
  answered_by: z
    .looseObject({
      type: word('agent', 'ai_agent', 'external', 'voicemail', 'machine', 'fax').describe(
        'What kind of party answered.',
      ),
      agent_id: id().nullish().describe('The agent, when one answered.'),
      name: anyText().nullish().describe('Display name.'),
      email: anyText().nullish().describe("The agent's mail address."),
      extension: anyText().nullish().describe("The agent's internal number."),
      ...dialled,
    })
    .nullish()
    .describe('Who answered; null when the system does not say. IVR pick-up is not an answer.'),
  queue: queue.nullish().describe('The queue the call came from; null when it did not queue.'),
  ring_seconds: seconds().nullish().describe('Seconds the answering leg rang.'),
  queue_wait_seconds: seconds().nullish().describe('Seconds in the queue; null when the call did not queue.'),
  recording: z.boolean().nullish().describe('Whether the call is being recorded.'),
  native,
})

const callTransferred = z.looseObject({
  call_id: callId,
  transfer_id: id().describe('The transfer.'),
  transfer_type: transferType.describe('three_way: the agent stays on the call.'),
  status: transferStatus.describe('How the transfer ended.'),
  failure_reason: word('busy', 'no_answer', 'rejected', 'invalid_target', 'error')
    .nullish()
    .describe('Why it failed; null when it did not.'),
  transferred_by: party.nullish().describe('Who transferred the call; null when the system does not say.'),
  from_leg_id: legId.nullish().describe('The leg that gave the call away.'),
  to_leg_id: legId.nullish().describe('The leg that took it; null when none did.'),
  target: z
    .looseObject({
      type: word(
        'agent',
        'queue',
        'ivr',
        'ai_agent',
        'external',
        'voicemail',
        'conference',
        'parking',
        'announcement',
      ).describe('What kind of target.'),
      agent_id: id().nullish().describe('The agent, when the target is one.'),
      name: anyText().nullish().describe('Display name.'),
      email: anyText().nullish().describe("The agent's mail address."),
      extension: anyText().nullish().describe("The agent's internal number."),
      ...dialled,
      queue: queue.nullish().describe('The queue the call goes to or through.'),
    })
    .describe('Where the call was to go.'),
  consult: z
    .looseObject({
      started_at: time().nullish().describe('When agent and target began to speak; null when it was not recorded.'),
      ended_at: time().nullish().describe('When they stopped.'),
      duration_seconds: seconds().nullish().describe('Seconds they spoke, rounded down.'),
    })
    .nullish()
    .describe('The talk before an attended transfer; null for a blind one.'),
  initiated_at: time().nullish().describe('When the transfer began; null when only its end was recorded.'),
  completed_at: time().nullish().describe('When it was complete; null when it never was.'),
  customer_hold_seconds: seconds().nullish().describe('Seconds the customer was on hold.'),
  participants_after: texts()
    .nullish()
    .describe('Numbers and agent ids on the call afterwards; three or more after a three_way transfer.'),
  reason: anyText().nullish().describe("The tenant's reason."),
  native,
})

const callEnded = z.looseObject({
  call_id: callId,
  direction,
  status: word(
    'completed',
    'no_answer',
    'busy',
    'failed',
    'canceled',
    'abandoned',
    'voicemail',
    'rejected',
    'missed',
    'transferred',
  ).describe('How the call ended.'),
  from: party.describe('Who called.'),
  to: party.describe('Who was called.'),
  created_at: time().nullish().describe('When the first leg was set up; null when only the end was recorded.'),
  connected_at: time().nullish().describe('When the call was picked up by anything, IVR included; null when never.'),
  answered_at: time().nullish().describe('When a person, an AI agent or an external party answered; null when never.'),
  ended_at: time().describe('When the call was over.'),
  durations: z
    .looseObject({
      total_seconds: seconds().nullish().describe('Whole call, rounded down; null when the system has no true value.'),
      ivr_seconds: seconds().nullish().describe('In IVR flows, rounded down.'),
      ai_agent_seconds: seconds().nullish().describe('With AI agents, rounded down.'),
      queue_seconds: seconds().nullish().describe('Waiting in queues, rounded down.'),
      ring_seconds: seconds().nullish().describe('Ringing, rounded down.'),
      talk_seconds: seconds().nullish().describe('Talking, rounded down.'),
      hold_seconds: seconds().nullish().describe('On hold, rounded down.'),
      billable_seconds: billedSeconds().nullish().describe('Billed, rounded up.'),
    })
    .nullish()
    .describe('Whole seconds.'),
  hangup: z
    .looseObject({
      source: word('caller', 'callee', 'agent', 'system', 'carrier')
        .nullish()
        .describe('Who hung up; null when the record does not say.'),
      cause: text().nullish().describe('Q.850 name, such as normal_clearing, or the word of the system.'),
      q850_cause: z
        .int()
        .nullish()
        .describe('Cause number: Q.850 counts to 127, FreeSWITCH to 825, Cisco CUCM uses 32 bits.'),
      sip_code: z.int().nonnegative().nullish().describe('Final SIP status code; 0 when there was none.'),
    })
    .nullish()
    .describe('Why the call ended; null when the record has neither cause nor side.'),
  queue: z
    .looseObject({
      queue_id: id().describe('The queue.'),
      name: anyText().nullish().describe('Display name.'),
      wait_seconds: seconds().nullish().describe('Seconds the call waited.'),
      sla_threshold_seconds: seconds().nullish().describe('Seconds within which it should have been answered.'),
      sla_met: z.boolean().nullish().describe('Whether it was.'),
    })
    .nullish()
    .describe('The last queue; null when the call did not queue.'),
  legs: z
    .array(
      z.looseObject({
        leg_id: legId,
        party: party.nullish().describe('Who was on the leg.'),
        started_at: time().nullish().describe('When the leg was set up.'),
        answered_at: time().nullish().describe('When it answered; null when it did not.'),
        ended_at: time().nullish().describe('When it ended.'),
        hangup_cause: anyText().nullish().describe('Q.850 name, or what ended the leg.'),
      }),
    )
    .nullish()
    .describe('Every leg, in the order they were set up.'),
  transfers: z
    .array(
      z.looseObject({
        transfer_id: id().describe('The transfer.'),
        transfer_type: transferType.nullish(),
        status: transferStatus.nullish(),
        completed_at: time().nullish().describe('When it was complete; null when it never was.'),
      }),
    )
    .nullish()
    .describe('Every transfer, in order.'),
  recording_ids: ids().nullish().describe('Recordings that follow as call.recorded.'),
  transcript_ids: ids().nullish().describe('Transcripts that follow as transcript.completed.'),
  quality: z
    .looseObject({
      mos: measure(0, 5).nullish().describe('Mean opinion score, 1 to 5.'),
      jitter_ms: z.number().nonnegative().nullish().describe('Milliseconds.'),
      packet_loss_percent: measure(0, 100).nullish().describe('0 to 100.'),
      codec: anyText().nullish().describe('Audio codec.'),
    })
    .nullish()
    .describe('Audio quality; null when it was not measured.'),
  cost: z
    .looseObject({
      amount: decimalAmount().nullish().describe('Decimal amount as text, so that nothing is rounded.'),
      currency: currency().nullish().describe('ISO 4217 code.'),
    })
    .nullish()
    .describe('What the call cost; null when it is not rated.'),
  disposition: anyText().nullish().describe("The agent's result code; null when none was given."),
  tags,
  custom_data: customData,
  native,
})

const callRecorded = z.looseObject({
  call_id: callId,
  recording_id: id().describe('The recording.'),
  recording_type: word('call', 'voicemail', 'conference', 'leg', 'announcement')
    .nullish()
    .describe('What was recorded; null when the system does not say.'),
  url: fileUrl,
  url_expires_at: fileUrlExpiresAt,
  content_type: anyText().nullish().describe('Media type of the file.'),
  size_bytes: count().nullish().describe('Bytes.'),
  checksum: z
    .looseObject({
      algorithm: text().describe('Such as sha256.'),
      value: text().describe('Lowercase hex.'),
    })
    .nullish()
    .describe('Checksum of the file.'),
  duration_seconds: seconds().nullish().describe('Length of the file in seconds, rounded down.'),
  channels: ordinal().nullish().describe('Audio channels.'),
  channel_map: texts().nullish().describe('Who is on which channel, first channel first.'),
  started_at: time().nullish().describe('When recording began.'),
  ended_at: time().nullish().describe('When recording ended.'),
  pauses: z
    .array(
      z.looseObject({
        started_at: time().describe('When the pause began.'),
        ended_at: time().nullish().describe('When it ended; null when recording never went on.'),
        reason: anyText().nullish().describe('Such as pci.'),
      }),
    )
    .nullish()
    .describe('Stretches that were left out.'),
  pause_behavior: word('silence', 'skip').nullish().describe('skip shortens the file.'),
  consent: word('announced', 'one_party', 'two_party', 'not_required', 'refused')
    .nullish()
    .describe('How consent was given.'),
  retention_until: time().nullish().describe('When the recording is deleted; null when it is kept.'),
  native,
})

export const callEventTypes: readonly EventTypeDefinition[] = [
  {
    name: 'call.created',
    schema: callCreated,
    example: callCreatedExample,
    description:
      'A call leg was set up and nobody has answered yet. It is the first event of every call. call_id never changes, through queues, IVR, AI agents and transfers. Each leg has its own leg_id. number is what the network gave, e164 what is certain. A caller who withholds the number has number null and number_kind withheld. Events arrive out of order, because a failed one is sent again while later ones go through. Upsert by subject and sequence, and wait for no gap.',
  },
  {
    name: 'call.answered',
    schema: callAnswered,
    example: callAnsweredExample,
    description:
      'A person, an AI agent, voicemail or an external party answered. An IVR that picks up does not count. ring_seconds belongs to the leg that answered. queue and queue_wait_seconds are null when the call did not queue.',
  },
  {
    name: 'call.transferred',
    schema: callTransferred,
    example: callTransferredExample,
    description:
      'A transfer was completed, failed or was canceled. Blind: there is no consult. Attended: agent and target spoke first. Three-way: the agent stays, and participants_after names at least three parties. initiated_at and transferred_by are null where the system does not say.',
  },
  {
    name: 'call.ended',
    schema: callEnded,
    example: callEndedExample,
    description:
      'The call is over; data is its call detail record (CDR). Seconds are whole and rounded down, only billable_seconds is rounded up. What the record of a system lacks is null, hangup above all. Recordings and transcripts come later, as events of their own; a call that has ended stays ended.',
  },
  {
    name: 'call.recorded',
    schema: callRecorded,
    example: callRecordedExample,
    description:
      'A recording is ready. A pre-signed url works until url_expires_at and lets anyone read the file: mask it in logs. Afterwards ask the API by recording_id. url may also be an s3:// URI or the key in a bucket. url_expires_at is null where the system states no end.',
  },
]
