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
  /** What kind of destination. */
  type: OpenWord<'queue' | 'ai_agent' | 'agent' | 'ivr' | 'external' | 'voicemail'>
  /** The queue, AI agent, agent or IVR flow. */
  id?: string | null
  /** Display name. */
  name?: string | null
}

export type Party = {
  /** What kind of party. */
  type: OpenWord<
    | 'external'
    | 'phone_number'
    | 'agent'
    | 'ai_agent'
    | 'user'
    | 'extension'
    | 'sip'
    | 'client'
    | 'channel'
    | 'queue'
    | 'ivr'
    | 'voicemail'
    | 'conference'
    | 'emergency'
    | 'system'
    | 'api'
    | 'unknown'
  >
  /** As the network gave it: E.164, national, an extension, 112, *98, a SIP URI, masked. null when it was withheld or there is none. */
  number?: string | null
  /** The same number in E.164; null or absent when that is not certain. */
  e164?: string | null
  /** What number is; withheld, unavailable and unknown also say why it is null. */
  number_kind?: OpenWord<
    | 'e164'
    | 'national'
    | 'extension'
    | 'short_code'
    | 'emergency'
    | 'sip'
    | 'client'
    | 'masked'
    | 'withheld'
    | 'unavailable'
    | 'unknown'
  > | null
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

/** A call leg was set up and nobody has answered yet. It is the first event of every call. call_id never changes, through queues, IVR, AI agents and transfers. Each leg has its own leg_id. number is what the network gave, e164 what is certain. A caller who withholds the number has number null and number_kind withheld. Events arrive out of order, because a failed one is sent again while later ones go through. Upsert by subject and sequence, and wait for no gap. */
export type CallCreated = Envelope<'call.created', CallCreatedData>

export type CallCreatedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** One leg of the call. */
  leg_id: string
  /** Seen from the tenant. */
  direction: 'inbound' | 'outbound' | 'internal'
  /** State of the leg when it was set up; up: it was answered at once. */
  state: OpenWord<'initiated' | 'queued' | 'ringing' | 'early_media' | 'parked' | 'up'>
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
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
}

/** A person, an AI agent, voicemail or an external party answered. An IVR that picks up does not count. ring_seconds belongs to the leg that answered. queue and queue_wait_seconds are null when the call did not queue. */
export type CallAnswered = Envelope<'call.answered', CallAnsweredData>

export type CallAnsweredData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** The leg that answered. */
  leg_id: string
  /** Seen from the tenant. */
  direction: 'inbound' | 'outbound' | 'internal'
  /** State of the call: in_progress. */
  state: OpenWord<'in_progress' | 'connected' | 'answered'>
  /** Who calls. */
  from: Party
  /** Who was called. */
  to: Party
  /** When the leg answered. */
  answered_at: string
  /** Who answered; null when the system does not say. IVR pick-up is not an answer. */
  answered_by?: {
    /** What kind of party answered. */
    type: OpenWord<'agent' | 'ai_agent' | 'external' | 'voicemail' | 'machine' | 'fax'>
    /** The agent, when one answered. */
    agent_id?: string | null
    /** Display name. */
    name?: string | null
    /** The agent's mail address. */
    email?: string | null
    /** The agent's internal number. */
    extension?: string | null
    /** As the network gave it: E.164, national, an extension, 112, *98, a SIP URI, masked. null when it was withheld or there is none. */
    number?: string | null
    /** The same number in E.164; null or absent when that is not certain. */
    e164?: string | null
    /** What number is; withheld, unavailable and unknown also say why it is null. */
    number_kind?: OpenWord<
      | 'e164'
      | 'national'
      | 'extension'
      | 'short_code'
      | 'emergency'
      | 'sip'
      | 'client'
      | 'masked'
      | 'withheld'
      | 'unavailable'
      | 'unknown'
    > | null
  } | null
  /** The queue the call came from; null when it did not queue. */
  queue?: Queue | null
  /** Seconds the answering leg rang. */
  ring_seconds?: number | null
  /** Seconds in the queue; null when the call did not queue. */
  queue_wait_seconds?: number | null
  /** Whether the call is being recorded. */
  recording?: boolean | null
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
}

/** A transfer was completed, failed or was canceled. Blind: there is no consult. Attended: agent and target spoke first. Three-way: the agent stays, and participants_after names at least three parties. initiated_at and transferred_by are null where the system does not say. */
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
  /** Who transferred the call; null when the system does not say. */
  transferred_by?: Party | null
  /** The leg that gave the call away. */
  from_leg_id?: string | null
  /** The leg that took it; null when none did. */
  to_leg_id?: string | null
  /** Where the call was to go. */
  target: {
    /** What kind of target. */
    type: OpenWord<
      | 'agent'
      | 'queue'
      | 'ivr'
      | 'ai_agent'
      | 'external'
      | 'voicemail'
      | 'conference'
      | 'parking'
      | 'announcement'
    >
    /** The agent, when the target is one. */
    agent_id?: string | null
    /** Display name. */
    name?: string | null
    /** The agent's mail address. */
    email?: string | null
    /** The agent's internal number. */
    extension?: string | null
    /** As the network gave it: E.164, national, an extension, 112, *98, a SIP URI, masked. null when it was withheld or there is none. */
    number?: string | null
    /** The same number in E.164; null or absent when that is not certain. */
    e164?: string | null
    /** What number is; withheld, unavailable and unknown also say why it is null. */
    number_kind?: OpenWord<
      | 'e164'
      | 'national'
      | 'extension'
      | 'short_code'
      | 'emergency'
      | 'sip'
      | 'client'
      | 'masked'
      | 'withheld'
      | 'unavailable'
      | 'unknown'
    > | null
    /** The queue the call goes to or through. */
    queue?: Queue | null
  }
  /** The talk before an attended transfer; null for a blind one. */
  consult?: {
    /** When agent and target began to speak; null when it was not recorded. */
    started_at?: string | null
    /** When they stopped. */
    ended_at?: string | null
    /** Seconds they spoke, rounded down. */
    duration_seconds?: number | null
  } | null
  /** When the transfer began; null when only its end was recorded. */
  initiated_at?: string | null
  /** When it was complete; null when it never was. */
  completed_at?: string | null
  /** Seconds the customer was on hold. */
  customer_hold_seconds?: number | null
  /** Numbers and agent ids on the call afterwards; three or more after a three_way transfer. */
  participants_after?: string[] | null
  /** The tenant's reason. */
  reason?: string | null
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
}

/** The call is over; data is its call detail record (CDR). Seconds are whole and rounded down, only billable_seconds is rounded up. What the record of a system lacks is null, hangup above all. Recordings and transcripts come later, as events of their own; a call that has ended stays ended. */
export type CallEnded = Envelope<'call.ended', CallEndedData>

export type CallEndedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** Seen from the tenant. */
  direction: 'inbound' | 'outbound' | 'internal'
  /** How the call ended. */
  status: OpenWord<
    | 'completed'
    | 'no_answer'
    | 'busy'
    | 'failed'
    | 'canceled'
    | 'abandoned'
    | 'voicemail'
    | 'rejected'
    | 'missed'
    | 'transferred'
  >
  /** Who called. */
  from: Party
  /** Who was called. */
  to: Party
  /** When the first leg was set up; null when only the end was recorded. */
  created_at?: string | null
  /** When the call was picked up by anything, IVR included; null when never. */
  connected_at?: string | null
  /** When a person, an AI agent or an external party answered; null when never. */
  answered_at?: string | null
  /** When the call was over. */
  ended_at: string
  /** Whole seconds. */
  durations?: {
    /** Whole call, rounded down; null when the system has no true value. */
    total_seconds?: number | null
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
  } | null
  /** Why the call ended; null when the record has neither cause nor side. */
  hangup?: {
    /** Who hung up; null when the record does not say. */
    source?: OpenWord<'caller' | 'callee' | 'agent' | 'system' | 'carrier'> | null
    /** Q.850 name, such as normal_clearing, or the word of the system. */
    cause?: string | null
    /** Cause number: Q.850 counts to 127, FreeSWITCH to 825, Cisco CUCM uses 32 bits. */
    q850_cause?: number | null
    /** Final SIP status code; 0 when there was none. */
    sip_code?: number | null
  } | null
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
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
}

/** A recording is ready. A pre-signed url works until url_expires_at and lets anyone read the file: mask it in logs. Afterwards ask the API by recording_id. url may also be an s3:// URI or the key in a bucket. url_expires_at is null where the system states no end. */
export type CallRecorded = Envelope<'call.recorded', CallRecordedData>

export type CallRecordedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** The recording. */
  recording_id: string
  /** What was recorded; null when the system does not say. */
  recording_type?: OpenWord<'call' | 'voicemail' | 'conference' | 'leg' | 'announcement'> | null
  /** Where the file is: a URL, an s3:// or gs:// URI, or the key in a bucket; null when the system names none. A pre-signed URL lets anyone read the file: mask it in logs. */
  url?: string | null
  /** When url stops working; null when the system states no end. Afterwards ask by id. */
  url_expires_at?: string | null
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
  duration_seconds?: number | null
  /** Audio channels. */
  channels?: number | null
  /** Who is on which channel, first channel first. */
  channel_map?: string[] | null
  /** When recording began. */
  started_at?: string | null
  /** When recording ended. */
  ended_at?: string | null
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
  consent?: OpenWord<'announced' | 'one_party' | 'two_party' | 'not_required' | 'refused'> | null
  /** When the recording is deleted; null when it is kept. */
  retention_until?: string | null
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
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
  /** Rises by one per transcript; null when the system does not count. */
  index?: number | null
  /** false: the same segment_id may come again. */
  is_final: boolean
  speaker?: {
    /** Who speaks; null when the system only tells speakers apart. */
    role?: OpenWord<'customer' | 'agent' | 'ai_agent' | 'ivr' | 'supervisor' | 'unknown'> | null
    /** Audio channel, counted from 0. */
    channel?: number | null
    /** Display name. */
    name?: string | null
    /** The agent, when one speaks. */
    agent_id?: string | null
  } | null
  /** What was said. */
  text: string
  /** BCP 47 tag. */
  language?: string | null
  /** 0 to 1. */
  confidence?: number | null
  /** Milliseconds from offset_from. */
  start_ms?: number | null
  /** Milliseconds from offset_from. */
  end_ms?: number | null
  /** Where start_ms and end_ms count from. */
  offset_from?: string | null
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
}

/** The transcript is final. Its pre-signed url leads to JSON with every segment and works until url_expires_at. Or text holds it inline and url is null. truncated is true where the whole does not fit. A body is at most 262,144 bytes. That is 12 to 21 minutes of talk word by word, 73 minutes in segments, about 5 hours of plain text. analysis is null for a tenant without an analysis plan. */
export type TranscriptCompleted = Envelope<'transcript.completed', TranscriptCompletedData>

export type TranscriptCompletedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  /** The transcript. */
  transcript_id: string
  /** The recording it was made from; null when there is none. */
  recording_id?: string | null
  /** Where the file is: a URL, an s3:// or gs:// URI, or the key in a bucket; null when the system names none. A pre-signed URL lets anyone read the file: mask it in logs. */
  url?: string | null
  /** When url stops working; null when the system states no end. Afterwards ask by id. */
  url_expires_at?: string | null
  /** The transcript itself, as plain text, where there is no file: 262,144 bytes are about 5 hours of it. */
  text?: string | null
  /** Whether text is only the beginning, because the whole does not fit. */
  truncated?: boolean | null
  /** Media type of the file. */
  content_type?: string | null
  /** BCP 47 tags. */
  languages?: string[] | null
  /** Milliseconds the transcript covers. */
  duration_ms?: number | null
  /** Segments in the transcript. */
  segment_count?: number | null
  /** Words in the transcript. */
  word_count?: number | null
  /** 0 to 1. */
  average_confidence?: number | null
  speakers?: ({
    /** Who speaks; null when the system only tells speakers apart. */
    role?: OpenWord<'customer' | 'agent' | 'ai_agent' | 'ivr' | 'supervisor' | 'unknown'> | null
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
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
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
  /** Where the call came from; null when the system does not say. */
  entry_source?: OpenWord<'inbound' | 'ivr' | 'ai_agent' | 'transfer' | 'overflow' | 'callback'> | null
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
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
}

/** A waiting call left the queue unanswered. short_abandon marks waits below the threshold of the tenant (5 s by default), which abandon rates usually leave out. */
export type QueueAbandoned = Envelope<'queue.abandoned', QueueAbandonedData>

export type QueueAbandonedData = {
  /** The call; the same through queues, IVR, AI agents and transfers. */
  call_id: string
  queue: Queue
  /** Who waited. */
  from: Party
  /** When the wait began; null when only its length is known. */
  entered_at?: string | null
  /** When it ended without an answer. */
  abandoned_at: string
  /** Seconds waited, rounded down. */
  wait_seconds?: number | null
  /** 1 is the next call to be served. */
  position_at_entry?: number | null
  /** 1 is the next call to be served. */
  position_at_abandon?: number | null
  /** Why the call left the queue; null when the system does not say. */
  reason?: OpenWord<
    | 'caller_hangup'
    | 'timeout'
    | 'voicemail'
    | 'callback_requested'
    | 'no_agents'
    | 'key_pressed'
    | 'transferred'
    | 'queue_full'
    | 'system'
  > | null
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
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
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
  /** Who changed it; null when the system does not say. */
  changed_by?: OpenWord<'agent' | 'system' | 'supervisor'> | null
  /** Filled only for on_call. */
  call_id?: string | null
  /** Queues the agent serves. */
  queue_ids?: string[] | null
  /** The session; null when logged out. */
  login_session_id?: string | null
  /** When the session began; null when logged out. */
  logged_in_at?: string | null
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
}

/** An agent stopped taking calls and said why. agent.status_changed to on_break comes with it, for the same agent_id. Reason codes are the own list of the tenant. */
export type AgentPaused = Envelope<'agent.paused', AgentPausedData>

export type AgentPausedData = {
  agent: Agent
  /** Why the agent paused; null when no reason was given. */
  reason?: {
    /** From the tenant's own list: lunch, break, training, meeting, admin, technical, …; null when no reason was given. */
    code?: string | null
    /** Display text. */
    label?: string | null
    /** Whether the pause is paid. */
    paid?: boolean | null
  } | null
  /** The agent's own words. */
  note?: string | null
  /** When the pause began. */
  paused_at: string
  /** null when open-ended. */
  expected_resume_at?: string | null
  /** Who paused the agent; null when the system does not say. */
  paused_by?: OpenWord<'agent' | 'system' | 'supervisor'> | null
  /** null when none is known. */
  previous_status?: OpenWord<'available' | 'on_call' | 'on_break' | 'logged_out'> | null
  /** The new status: on_break. */
  status: OpenWord<'available' | 'on_call' | 'on_break' | 'logged_out'>
  /** Display text: Available, On Call, On Break, Logged Out. */
  status_label?: string | null
  /** Queues the agent serves. */
  queue_ids?: string[] | null
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
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
    /** Version of the flow, as text or number. */
    version?: string | number | null
  }
  /** When the flow began. */
  started_at?: string | null
  /** When it ended. */
  completed_at: string
  /** Seconds, rounded down. */
  duration_seconds?: number | null
  /** Why the flow ended; null when the system does not say. */
  exit_reason?: OpenWord<'routed' | 'caller_hangup' | 'completed' | 'max_retries' | 'timeout' | 'error'> | null
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
    entered_at?: string | null
    /** What the caller typed or said; null when nothing. */
    input?: string | null
    /** null when there was no input. */
    input_mode?: 'dtmf' | 'speech' | null
  })[] | null
  /** Inputs the flow did not understand. */
  invalid_input_count?: number | null
  /** Times the caller gave no input. */
  timeout_count?: number | null
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
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
  /** When its part began; null when it never spoke. */
  started_at?: string | null
  /** When its part ended. */
  completed_at: string
  /** Seconds, rounded down. */
  duration_seconds?: number | null
  /** Why its part ended; null when the system does not say. */
  exit_reason?: OpenWord<
    | 'resolved'
    | 'transferred_to_human'
    | 'transferred_to_ivr'
    | 'caller_hangup'
    | 'agent_hangup'
    | 'max_duration'
    | 'silence_timeout'
    | 'voicemail_detected'
    | 'guardrail_stop'
    | 'no_answer'
    | 'busy'
    | 'error'
  > | null
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
  /** What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it. */
  native?: Record<string, unknown> | null
}

/** An endpoint has failed for an hour, or will be disabled within a day if it goes on. The subject is the endpoint. The gateway itself publishes this event. */
export type EndpointWarning = Envelope<'endpoint.warning', EndpointWarningData>

export type EndpointWarningData = {
  /** The endpoint that the event is about. */
  endpoint: {
    /** The endpoint that the event is about. It never receives this event itself. */
    endpoint_id: string
    /** Its name. */
    name: string
    /** The host of its URL. */
    host: string
  }
  /** When the first of the failed attempts in a row began. */
  failing_since?: string | null
  /** When the last attempt that succeeded began; null when none did. */
  last_success_at?: string | null
  /** Attempts that failed since then. */
  consecutive_failures: number
  /** Deliveries whose first attempt is among them. */
  failed_deliveries: number
  /** Why the last attempt failed, such as timeout or http_status. */
  error_code?: string | null
  /** The HTTP status of the last reply; null when none came. */
  status_code?: number | null
  /** The earliest time at which the gateway disables the endpoint; null when it does not. */
  disables_at?: string | null
}

/** The gateway disabled an endpoint. Its deliveries are held until somebody resumes it. The subject is the endpoint. The gateway itself publishes this event. */
export type EndpointDisabled = Envelope<'endpoint.disabled', EndpointDisabledData>

export type EndpointDisabledData = {
  /** The endpoint that the event is about. */
  endpoint: {
    /** The endpoint that the event is about. It never receives this event itself. */
    endpoint_id: string
    /** Its name. */
    name: string
    /** The host of its URL. */
    host: string
  }
  /** gone: its receiver answered 410. failing: it failed for days. */
  reason: OpenWord<'gone' | 'failing'>
  /** When the gateway disabled it. Its deliveries are held from then on. */
  disabled_at: string
  /** When the first of the failed attempts in a row began. */
  failing_since?: string | null
  /** Deliveries that failed since then; null when the reason is gone. */
  failed_deliveries?: number | null
}

/** An endpoint that the gateway had warned of works again. The subject is the endpoint. The gateway itself publishes this event. */
export type EndpointRecovered = Envelope<'endpoint.recovered', EndpointRecoveredData>

export type EndpointRecoveredData = {
  /** The endpoint that the event is about. */
  endpoint: {
    /** The endpoint that the event is about. It never receives this event itself. */
    endpoint_id: string
    /** Its name. */
    name: string
    /** The host of its URL. */
    host: string
  }
  /** When the failures began that the last warning told of. */
  failed_since?: string | null
  /** When the attempt began that succeeded. */
  recovered_at: string
}

/** A delivery became a dead letter: no attempt follows until somebody retries it. Dead letters of operational events are not told. The subject is the endpoint. The gateway itself publishes this event. */
export type DeliveryDeadLettered = Envelope<'delivery.dead_lettered', DeliveryDeadLetteredData>

export type DeliveryDeadLetteredData = {
  /** The endpoint that the event is about. */
  endpoint: {
    /** The endpoint that the event is about. It never receives this event itself. */
    endpoint_id: string
    /** Its name. */
    name: string
    /** The host of its URL. */
    host: string
  }
  /** The delivery. */
  delivery_id: string
  /** The event that was not delivered. */
  event_id: string
  /** Its type. */
  event_type: string
  /** Why no attempt follows. */
  reason: OpenWord<'retries_exhausted' | 'poison' | 'event_expired'>
  /** How many attempts were made. */
  attempt_count: number
  /** Why the last attempt failed, such as timeout or http_status. */
  error_code?: string | null
  /** The HTTP status of the last reply; null when none came. */
  status_code?: number | null
  /** When it became a dead letter. */
  dead_lettered_at: string
}

/** Deliveries to an endpoint that works have waited for minutes, and more are published than it takes. The subject is the endpoint. The gateway itself publishes this event. */
export type BacklogGrowing = Envelope<'backlog.growing', BacklogGrowingData>

export type BacklogGrowingData = {
  /** The endpoint that the event is about. */
  endpoint: {
    /** The endpoint that the event is about. It never receives this event itself. */
    endpoint_id: string
    /** Its name. */
    name: string
    /** The host of its URL. */
    host: string
  }
  /** When the delivery that has waited longest became due. */
  oldest_due_at: string
  /** Deliveries that wait; counting stops at 10,000. */
  waiting_count: number
}

/** The signing secret of an endpoint is old and should be rotated. Told once for each secret. The subject is the endpoint. The gateway itself publishes this event. */
export type SigningSecretRotationDue = Envelope<'signing_secret.rotation_due', SigningSecretRotationDueData>

export type SigningSecretRotationDueData = {
  /** The endpoint that the event is about. */
  endpoint: {
    /** The endpoint that the event is about. It never receives this event itself. */
    endpoint_id: string
    /** Its name. */
    name: string
    /** The host of its URL. */
    host: string
  }
  /** When the signing secret was created. */
  secret_created_at: string
  /** Its age in days. */
  age_days: number
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
  | EndpointWarning
  | EndpointDisabled
  | EndpointRecovered
  | DeliveryDeadLettered
  | BacklogGrowing
  | SigningSecretRotationDue

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
  'endpoint.warning',
  'endpoint.disabled',
  'endpoint.recovered',
  'delivery.dead_lettered',
  'backlog.growing',
  'signing_secret.rotation_due',
] as const satisfies readonly WebhookEvent['type'][]
