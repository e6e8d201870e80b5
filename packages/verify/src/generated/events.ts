// Made by scripts/print-event-types.ts from the catalogue of 2026-11-01. Do not edit.

/** The date of the catalogue these types were made from: `api_version` of its events. */
export const API_VERSION = '2026-11-01'

/** One of the words known today, or another one: the lists grow, so keep a default branch. */
export type OpenWord<Known extends string> = Known | (string & {})

/** What every event has around its `data`. */
export type Envelope<Type extends string, Data> = {
  /** The same over retries and endpoints: discard an event whose id you have seen. */
  id: string
  type: Type
  /** Date of the catalogue. */
  api_version: string
  /** When it happened: RFC 3339 in UTC with milliseconds. */
  timestamp: string
  tenant_id: string
  /** Sent by the tester: nothing happened. */
  test: boolean
  /** What the event is about, such as a call or an agent. */
  subject: string | null
  /** Orders the events of one subject. */
  sequence: number | null
  data: Data
}

export type Agent = {
  /** The agent. */
  agent_id: string
  /** Display name. */
  name?: string | null
  /** Mail address. */
  email?: string | null
  /** Internal number. */
  extension?: string | null
}

export type Destination = {
  /** What kind of destination: queue, ai_agent, agent, ivr, external, … */
  type: string
  /** The queue, AI agent, agent or IVR flow. */
  id?: string | null
  /** Display name. */
  name?: string | null
}

export type Party = {
  /** What kind of party: external, phone_number, agent, … */
  type: string
  /** E.164; null when withheld or when the party has none. */
  number?: string | null
  /** Display name; null when unknown. */
  name?: string | null
  /** The tenant's own phone number. */
  number_id?: string | null
  /** The agent, when the party is one. */
  agent_id?: string | null
  /** The agent's mail address. */
  email?: string | null
  /** The agent's internal number. */
  extension?: string | null
}

export type Queue = {
  /** The queue. */
  queue_id: string
  /** Display name. */
  name?: string | null
}

/** A call leg was set up and nobody has answered yet. The first event of every call: call_id never changes, through queues, IVR, AI agents and transfers; each leg has its own leg_id. A caller who withholds the number has number null. */
export type CallCreated = Envelope<'call.created', CallCreatedData>

export type CallCreatedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** One leg of the call. */
  leg_id: string
  /** Seen from the tenant. */
  direction: OpenWord<'inbound' | 'outbound' | 'internal'>
  /** State of the leg when it was set up. */
  state: OpenWord<'queued' | 'ringing'>
  /** Who calls. */
  from: Party
  /** Who is called. */
  to: Party
  /** When the leg was set up. */
  created_at: string
  /** Caller ID attestation; null where the network has none. */
  stir_shaken?: {
    /** A, B or C; null when the call carries none. */
    attestation?: string | null
    /** Whether the signature was verified. */
    verified?: boolean | null
  } | null
  /** SIP Call-ID; null for a leg without SIP. */
  sip_call_id?: string | null
  /** Labels, in no order that means anything. */
  tags?: string[] | null
  /** The tenant's own values, passed through unchanged. */
  custom_data?: Record<string, unknown> | null
}

/** A person, an AI agent, voicemail or an external party answered; an IVR that picks up does not count. ring_seconds belongs to the leg that answered. queue and queue_wait_seconds are null when the call did not queue. */
export type CallAnswered = Envelope<'call.answered', CallAnsweredData>

export type CallAnsweredData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** The leg that answered. */
  leg_id: string
  /** Seen from the tenant. */
  direction: OpenWord<'inbound' | 'outbound' | 'internal'>
  /** State of the call: in_progress. */
  state: string
  /** Who calls. */
  from: Party
  /** Who was called. */
  to: Party
  /** When the leg answered. */
  answered_at: string
  /** Who answered. IVR pick-up is not an answer. */
  answered_by: {
    /** What kind of party answered. */
    type: OpenWord<'agent' | 'ai_agent' | 'external' | 'voicemail'>
    /** The agent, when one answered. */
    agent_id?: string | null
    /** Display name. */
    name?: string | null
    /** The agent's mail address. */
    email?: string | null
    /** The agent's internal number. */
    extension?: string | null
    /** E.164, when an external party answered. */
    number?: string | null
  }
  /** The queue the call came from; null when it did not queue. */
  queue?: Queue | null
  /** Seconds the answering leg rang. */
  ring_seconds?: number | null
  /** Seconds in the queue; null when the call did not queue. */
  queue_wait_seconds?: number | null
  /** Whether the call is being recorded. */
  recording?: boolean | null
}

/** A transfer was completed, failed or was canceled. Blind: there is no consult. Attended: agent and target spoke first. Three-way: the agent stays, and participants_after names at least three parties. */
export type CallTransferred = Envelope<'call.transferred', CallTransferredData>

export type CallTransferredData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** The transfer. */
  transfer_id: string
  /** three_way: the agent stays on the call. */
  transfer_type: OpenWord<'blind' | 'attended' | 'three_way'>
  /** How the transfer ended. */
  status: OpenWord<'completed' | 'failed' | 'canceled'>
  /** Why it failed; null when it did not. */
  failure_reason?: OpenWord<'busy' | 'no_answer' | 'rejected' | 'invalid_target' | 'error'> | null
  /** Who transferred the call. */
  transferred_by: Party
  /** The leg that gave the call away. */
  from_leg_id?: string | null
  /** The leg that took it; null when none did. */
  to_leg_id?: string | null
  /** Where the call was to go. */
  target: {
    /** What kind of target. */
    type: OpenWord<'agent' | 'queue' | 'ivr' | 'ai_agent' | 'external'>
    /** The agent, when the target is one. */
    agent_id?: string | null
    /** Display name. */
    name?: string | null
    /** The agent's mail address. */
    email?: string | null
    /** The agent's internal number. */
    extension?: string | null
    /** E.164, when the target is external. */
    number?: string | null
    /** The queue the call goes to or through. */
    queue?: Queue | null
  }
  /** The talk before an attended transfer; null for a blind one. */
  consult?: {
    /** When agent and target began to speak. */
    started_at: string
    /** When they stopped. */
    ended_at?: string | null
    /** Seconds they spoke, rounded down. */
    duration_seconds?: number | null
  } | null
  /** When the transfer began. */
  initiated_at: string
  /** When it was complete; null when it never was. */
  completed_at?: string | null
  /** Seconds the customer was on hold. */
  customer_hold_seconds?: number | null
  /** Numbers and agent ids on the call afterwards; three or more after a three_way transfer. */
  participants_after?: string[] | null
  /** The tenant's reason. */
  reason?: string | null
}

/** The call is over; data is its call detail record (CDR). Seconds are whole and rounded down, only billable_seconds is rounded up. Recordings and transcripts come later, as events of their own. */
export type CallEnded = Envelope<'call.ended', CallEndedData>

export type CallEndedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** Seen from the tenant. */
  direction: OpenWord<'inbound' | 'outbound' | 'internal'>
  /** How the call ended. */
  status: OpenWord<'completed' | 'no_answer' | 'busy' | 'failed' | 'canceled' | 'abandoned' | 'voicemail'>
  /** Who called. */
  from: Party
  /** Who was called. */
  to: Party
  /** When the first leg was set up. */
  created_at: string
  /** When the call was picked up by anything, IVR included; null when never. */
  connected_at?: string | null
  /** When a person, an AI agent or an external party answered; null when never. */
  answered_at?: string | null
  /** When the call was over. */
  ended_at: string
  /** Whole seconds. */
  durations: {
    /** Whole call, rounded down. */
    total_seconds: number
    /** In IVR flows, rounded down. */
    ivr_seconds?: number | null
    /** With AI agents, rounded down. */
    ai_agent_seconds?: number | null
    /** Waiting in queues, rounded down. */
    queue_seconds?: number | null
    /** Ringing, rounded down. */
    ring_seconds?: number | null
    /** Talking, rounded down. */
    talk_seconds?: number | null
    /** On hold, rounded down. */
    hold_seconds?: number | null
    /** Billed, rounded up. */
    billable_seconds?: number | null
  }
  /** Why the call ended. */
  hangup: {
    /** Who hung up. */
    source: OpenWord<'caller' | 'callee' | 'agent' | 'system'>
    /** Q.850 name, such as normal_clearing. */
    cause: string
    /** Q.850 cause value. */
    q850_cause?: number | null
    /** Final SIP status code. */
    sip_code?: number | null
  }
  /** The last queue; null when the call did not queue. */
  queue?: {
    /** The queue. */
    queue_id: string
    /** Display name. */
    name?: string | null
    /** Seconds the call waited. */
    wait_seconds?: number | null
    /** Seconds within which it should have been answered. */
    sla_threshold_seconds?: number | null
    /** Whether it was. */
    sla_met?: boolean | null
  } | null
  /** Every leg, in the order they were set up. */
  legs?: ({
    /** One leg of the call. */
    leg_id: string
    /** Who was on the leg. */
    party?: Party | null
    /** When the leg was set up. */
    started_at?: string | null
    /** When it answered; null when it did not. */
    answered_at?: string | null
    /** When it ended. */
    ended_at?: string | null
    /** Q.850 name, or what ended the leg. */
    hangup_cause?: string | null
  })[] | null
  /** Every transfer, in order. */
  transfers?: ({
    /** The transfer. */
    transfer_id: string
    transfer_type?: OpenWord<'blind' | 'attended' | 'three_way'> | null
    status?: OpenWord<'completed' | 'failed' | 'canceled'> | null
    /** When it was complete; null when it never was. */
    completed_at?: string | null
  })[] | null
  /** Recordings that follow as call.recorded. */
  recording_ids?: string[] | null
  /** Transcripts that follow as transcript.completed. */
  transcript_ids?: string[] | null
  /** Audio quality; null when it was not measured. */
  quality?: {
    /** Mean opinion score, 1 to 5. */
    mos?: number | null
    /** Milliseconds. */
    jitter_ms?: number | null
    /** 0 to 100. */
    packet_loss_percent?: number | null
    /** Audio codec. */
    codec?: string | null
  } | null
  /** What the call cost; null when it is not rated. */
  cost?: {
    /** Decimal amount as text, so that nothing is rounded. */
    amount?: string | null
    /** ISO 4217 code. */
    currency?: string | null
  } | null
  /** The agent's result code; null when none was given. */
  disposition?: string | null
  /** Labels, in no order that means anything. */
  tags?: string[] | null
  /** The tenant's own values, passed through unchanged. */
  custom_data?: Record<string, unknown> | null
}

/** A recording is ready. Its pre-signed url works until url_expires_at, 24 hours, longer than the last retry takes; afterwards ask the API by recording_id. The url lets anyone read the file: mask it in logs. */
export type CallRecorded = Envelope<'call.recorded', CallRecordedData>

export type CallRecordedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** The recording. */
  recording_id: string
  recording_type: OpenWord<'call' | 'voicemail' | 'conference'>
  /** Pre-signed: whoever holds it can read the file. Mask it in logs. */
  url: string
  /** When url stops working: 24 h after it was made. Afterwards ask by id. */
  url_expires_at: string
  /** Media type of the file. */
  content_type?: string | null
  /** Bytes. */
  size_bytes?: number | null
  /** Checksum of the file. */
  checksum?: {
    /** Such as sha256. */
    algorithm: string
    /** Lowercase hex. */
    value: string
  } | null
  /** Length of the file in seconds, rounded down. */
  duration_seconds: number
  /** Audio channels. */
  channels?: number | null
  /** Who is on which channel, first channel first. */
  channel_map?: string[] | null
  /** When recording began. */
  started_at: string
  /** When recording ended. */
  ended_at: string
  /** Stretches that were left out. */
  pauses?: ({
    /** When the pause began. */
    started_at: string
    /** When it ended; null when recording never went on. */
    ended_at?: string | null
    /** Such as pci. */
    reason?: string | null
  })[] | null
  /** skip shortens the file. */
  pause_behavior?: OpenWord<'silence' | 'skip'> | null
  /** How consent was given. */
  consent?: OpenWord<'announced' | 'two_party' | 'not_required'> | null
  /** When the recording is deleted; null when it is kept. */
  retention_until?: string | null
}

/** One piece of a live transcript. There are many: subscribe on purpose. A segment_id may come with is_final false and again with is_final true; the later one counts. */
export type TranscriptSegment = Envelope<'transcript.segment', TranscriptSegmentData>

export type TranscriptSegmentData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** The transcript. */
  transcript_id: string
  /** The segment: of two with the same id the later one wins. */
  segment_id: string
  /** Rises by one per transcript. */
  index: number
  /** false: the same segment_id may come again. */
  is_final: boolean
  speaker: {
    /** Who speaks. */
    role: OpenWord<'customer' | 'agent' | 'ai_agent' | 'ivr'>
    /** Audio channel, counted from 0. */
    channel?: number | null
    /** Display name. */
    name?: string | null
    /** The agent, when one speaks. */
    agent_id?: string | null
  }
  /** What was said. */
  text: string
  /** BCP 47 tag. */
  language?: string | null
  /** 0 to 1. */
  confidence?: number | null
  /** Milliseconds from offset_from. */
  start_ms: number
  /** Milliseconds from offset_from. */
  end_ms: number
  /** Where start_ms and end_ms count from. */
  offset_from: string
}

/** The transcript is final. Its pre-signed url leads to JSON with every segment and works until url_expires_at, 24 hours. analysis is null for a tenant without an analysis plan. */
export type TranscriptCompleted = Envelope<'transcript.completed', TranscriptCompletedData>

export type TranscriptCompletedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** The transcript. */
  transcript_id: string
  /** The recording it was made from; null when there is none. */
  recording_id?: string | null
  /** Pre-signed: whoever holds it can read the file. Mask it in logs. */
  url: string
  /** When url stops working: 24 h after it was made. Afterwards ask by id. */
  url_expires_at: string
  /** Media type of the file. */
  content_type?: string | null
  /** BCP 47 tags. */
  languages?: string[] | null
  /** Milliseconds the transcript covers. */
  duration_ms: number
  /** Segments in the file. */
  segment_count: number
  /** Words in the file. */
  word_count?: number | null
  /** 0 to 1. */
  average_confidence?: number | null
  speakers?: ({
    /** Who speaks. */
    role: OpenWord<'customer' | 'agent' | 'ai_agent' | 'ivr'>
    /** Audio channel, counted from 0. */
    channel?: number | null
    /** Display name. */
    name?: string | null
    /** The agent, when one speaks. */
    agent_id?: string | null
    /** Milliseconds spoken. */
    talk_ms?: number | null
  })[] | null
  /** What was removed before storage. */
  redaction?: {
    /** Whether anything was to be removed. */
    applied: boolean
    /** Kinds of values that were removed, such as card_number. */
    entity_types?: string[] | null
    /** Values removed. */
    count?: number | null
  } | null
  /** null when the tenant has no analysis plan. */
  analysis?: {
    summary?: string | null
    /** Such as positive, neutral, negative. */
    sentiment?: string | null
    topics?: string[] | null
  } | null
}

/** A call began to wait in a queue. Position 1 is served next; entry_number says how often this call has entered this queue. */
export type QueueEntered = Envelope<'queue.entered', QueueEnteredData>

export type QueueEnteredData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  queue: Queue
  /** Who waits. */
  from: Party
  /** When the wait began. */
  entered_at: string
  /** Where the call came from. */
  entry_source: OpenWord<'inbound' | 'ivr' | 'ai_agent' | 'transfer' | 'overflow' | 'callback'>
  /** How often this call has entered this queue. */
  entry_number?: number | null
  /** 1 is the next call to be served. */
  position?: number | null
  /** The tenant's own scale. */
  priority?: number | null
  /** Skills an agent must have. */
  required_skills?: string[] | null
  /** Seconds; null when unknown. */
  estimated_wait_seconds?: number | null
  /** Calls in the queue, this one included. */
  waiting_calls?: number | null
  /** Agents free to take a call. */
  agents_available?: number | null
  /** Agents of the queue who are logged in. */
  agents_logged_in?: number | null
}

/** A waiting call left the queue unanswered. short_abandon marks waits below the threshold of the tenant (5 s by default), which abandon rates usually leave out. */
export type QueueAbandoned = Envelope<'queue.abandoned', QueueAbandonedData>

export type QueueAbandonedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  queue: Queue
  /** Who waited. */
  from: Party
  /** When the wait began. */
  entered_at: string
  /** When it ended without an answer. */
  abandoned_at: string
  /** Seconds waited, rounded down. */
  wait_seconds: number
  /** 1 is the next call to be served. */
  position_at_entry?: number | null
  /** 1 is the next call to be served. */
  position_at_abandon?: number | null
  /** Why the call left the queue. */
  reason: OpenWord<'caller_hangup' | 'timeout' | 'voicemail' | 'callback_requested' | 'no_agents' | 'system'>
  /** The wait was under the tenant's threshold (5 s by default); reports usually leave it out. */
  short_abandon?: boolean | null
  /** Seconds; null when unknown. */
  estimated_wait_seconds_at_entry?: number | null
  /** Seconds within which it should have been answered. */
  sla_threshold_seconds?: number | null
  /** Whether it was. */
  sla_met?: boolean | null
  /** Agents the call was offered to. */
  offered_agents?: number | null
  /** Whether the caller asked to be called back. */
  callback_requested?: boolean | null
}

/** The status of an agent changed. The subject is the agent, so that sequence orders the events of one agent; call_id is filled only for on_call. */
export type AgentStatusChanged = Envelope<'agent.status_changed', AgentStatusChangedData>

export type AgentStatusChangedData = {
  agent: Agent
  /** null when none is known. */
  previous_status?: OpenWord<'available' | 'on_call' | 'on_break' | 'logged_out'> | null
  /** The new status. */
  status: OpenWord<'available' | 'on_call' | 'on_break' | 'logged_out'>
  /** Display text: Available, On Call, On Break, Logged Out. */
  status_label?: string | null
  /** When it changed. */
  changed_at: string
  /** Seconds the previous status lasted. */
  previous_status_seconds?: number | null
  /** Who changed it. */
  changed_by: OpenWord<'agent' | 'system' | 'supervisor'>
  /** Filled only for on_call. */
  call_id?: string | null
  /** Queues the agent serves. */
  queue_ids?: string[] | null
  /** The session; null when logged out. */
  login_session_id?: string | null
  /** When the session began; null when logged out. */
  logged_in_at?: string | null
}

/** An agent stopped taking calls and said why. agent.status_changed to on_break comes with it, for the same agent_id. Reason codes are the own list of the tenant. */
export type AgentPaused = Envelope<'agent.paused', AgentPausedData>

export type AgentPausedData = {
  agent: Agent
  /** Why the agent paused. */
  reason: {
    /** From the tenant's own list: lunch, break, training, meeting, admin, technical, … */
    code: string
    /** Display text. */
    label?: string | null
    /** Whether the pause is paid. */
    paid?: boolean | null
  }
  /** The agent's own words. */
  note?: string | null
  /** When the pause began. */
  paused_at: string
  /** null when open-ended. */
  expected_resume_at?: string | null
  /** Who paused the agent. */
  paused_by: OpenWord<'agent' | 'system' | 'supervisor'>
  /** null when none is known. */
  previous_status?: OpenWord<'available' | 'on_call' | 'on_break' | 'logged_out'> | null
  /** The new status: on_break. */
  status: OpenWord<'available' | 'on_call' | 'on_break' | 'logged_out'>
  /** Display text: Available, On Call, On Break, Logged Out. */
  status_label?: string | null
  /** Queues the agent serves. */
  queue_ids?: string[] | null
}

/** An IVR flow ended. variables holds what it captured, sensitive values read [redacted]; path lists the nodes in order. routed_to is null unless exit_reason is routed. */
export type IvrCompleted = Envelope<'ivr.completed', IvrCompletedData>

export type IvrCompletedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  ivr: {
    /** The IVR flow. */
    ivr_id: string
    /** Display name. */
    name?: string | null
    /** Version of the flow. */
    version?: number | null
  }
  /** When the flow began. */
  started_at: string
  /** When it ended. */
  completed_at: string
  /** Seconds, rounded down. */
  duration_seconds: number
  /** Why the flow ended. */
  exit_reason: OpenWord<'routed' | 'caller_hangup' | 'completed' | 'max_retries' | 'timeout' | 'error'>
  /** The last node. */
  exit_node?: string | null
  /** null unless exit_reason is routed. */
  routed_to?: Destination | null
  /** What the flow captured; sensitive values read [redacted]. */
  variables?: Record<string, unknown> | null
  /** The nodes in the order they were reached. */
  path?: ({
    /** The node. */
    node: string
    /** When the caller reached it. */
    entered_at: string
    /** What the caller typed or said; null when nothing. */
    input?: string | null
    /** null when there was no input. */
    input_mode?: OpenWord<'dtmf' | 'speech'> | null
  })[] | null
  /** Inputs the flow did not understand. */
  invalid_input_count?: number | null
  /** Times the caller gave no input. */
  timeout_count?: number | null
}

/** The part of an AI agent in a call ended. exit_reason says why; transferred_to is null unless it starts with transferred_to. collected_data and tool_calls tell what it gathered and did. */
export type AiAgentCompleted = Envelope<'ai_agent.completed', AiAgentCompletedData>

export type AiAgentCompletedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** The conversation. */
  conversation_id: string
  ai_agent: {
    /** The AI agent. */
    ai_agent_id: string
    /** Display name. */
    name?: string | null
    /** Version of the AI agent, as text. */
    version?: string | null
  }
  /** When its part began. */
  started_at: string
  /** When its part ended. */
  completed_at: string
  /** Seconds, rounded down. */
  duration_seconds: number
  /** Why its part ended. */
  exit_reason: OpenWord<
    | 'resolved'
    | 'transferred_to_human'
    | 'transferred_to_ivr'
    | 'caller_hangup'
    | 'agent_hangup'
    | 'max_duration'
    | 'silence_timeout'
    | 'voicemail_detected'
    | 'guardrail_stop'
    | 'error'
  >
  /** More about exit_reason. */
  exit_detail?: string | null
  /** null unless exit_reason starts with transferred_to. */
  transferred_to?: Destination | null
  /** What came of the conversation. */
  outcome?: {
    /** Whether the matter was settled. */
    resolved?: boolean | null
    /** Such as positive, neutral, negative. */
    sentiment?: string | null
    summary?: string | null
  } | null
  /** Values the AI agent gathered. */
  collected_data?: Record<string, unknown> | null
  /** Turns of both sides. */
  turn_count?: number | null
  /** What it called, in order. */
  tool_calls?: ({
    /** The tool. */
    name: string
    /** Such as succeeded, failed. */
    status?: string | null
    /** Milliseconds it took. */
    duration_ms?: number | null
  })[] | null
  /** How long the caller waited for its answers. */
  response_latency_ms?: {
    /** Median, milliseconds. */
    p50?: number | null
    /** 95th percentile, milliseconds. */
    p95?: number | null
  } | null
}

/** Every event the catalogue knows; `switch (event.type)` narrows it. Later catalogues may add types. */
export type WebhookEvent =
  | CallCreated
  | CallAnswered
  | CallTransferred
  | CallEnded
  | CallRecorded
  | TranscriptSegment
  | TranscriptCompleted
  | QueueEntered
  | QueueAbandoned
  | AgentStatusChanged
  | AgentPaused
  | IvrCompleted
  | AiAgentCompleted

export const EVENT_TYPES = [
  'call.created',
  'call.answered',
  'call.transferred',
  'call.ended',
  'call.recorded',
  'transcript.segment',
  'transcript.completed',
  'queue.entered',
  'queue.abandoned',
  'agent.status_changed',
  'agent.paused',
  'ivr.completed',
  'ai_agent.completed',
] as const satisfies readonly WebhookEvent['type'][]
