// The pieces that several event types share. Every object is loose: it checks the fields it names and lets others
// through. A field a real call may lack may be absent or null, both mean "there is none"; ids, states and the
// times of the fact itself are required.
import { z } from 'zod'

/** What a group's file says of one event type: the schema is that of `data`, the example a whole envelope. */
export type EventTypeDefinition = {
  name: string
  description: string
  schema: z.ZodObject
  example: Envelope
}

/** The body a receiver gets, as a value. */
export type Envelope = {
  id: string
  type: string
  api_version: string
  timestamp: string
  tenant_id: string
  test: boolean
  subject: string | null
  sequence: number | null
  data: Record<string, unknown>
}

const DATE =
  '(?:(?:\\d\\d[2468][048]|\\d\\d[13579][26]|\\d\\d0[48]|[02468][048]00|[13579][26]00)-02-29' +
  '|\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8])))'
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d:(?:[0-5]\\d|60)(?:\\.\\d+)?'
const OFFSET = '(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)'

/** RFC 3339 with an offset, days checked against the month, leap seconds allowed. */
const RFC_3339 = new RegExp(`^${DATE}[Tt]${CLOCK}${OFFSET}$`)
const E_164 = /^\+[1-9]\d{1,14}$/
const WEB_URL = /^[Hh][Tt][Tt][Pp][Ss]?:\/\/[^\s/][^\s]*$/
const DECIMAL = /^-?\d+(?:\.\d+)?$/
const CURRENCY = /^[A-Z]{3}$/

/** An id: any text of 1 to 128 characters, so that a publisher's own ids pass. */
export const id = () => text().max(128, 'expected an id of at most 128 characters')
/** A word that is never empty: a kind, a state, a code. */
export const text = () => z.string().min(1, 'expected a text that is not empty')
/** Names and spoken or written text, which may be empty. */
export const anyText = () => z.string()
export const time = () =>
  z
    .string()
    .regex(RFC_3339, 'expected an RFC 3339 time with an offset, such as 2026-11-18T14:02:11.482Z')
    .meta({ format: 'date-time' })
export const phoneNumber = () => z.string().regex(E_164, 'expected an E.164 number such as +14155550132')
const webUrl = () => z.string().regex(WEB_URL, 'expected an http or https URL').meta({ format: 'uri' })
export const seconds = () => z.int().nonnegative()
export const milliseconds = () => z.int().nonnegative()
export const count = () => z.int().nonnegative()
/** A position or number that starts at 1. */
export const ordinal = () => z.int().positive()
export const texts = () => z.array(text())
export const ids = () => z.array(id())
/** Free-form values of the tenant's own making. */
export const freeForm = () => z.looseObject({})
export const decimalAmount = () => z.string().regex(DECIMAL, 'expected a decimal amount as text, such as "0.0924"')
export const currency = () => z.string().regex(CURRENCY, 'expected an ISO 4217 code such as USD')

export const callId = id().describe('The call; the same through queues, IVR, AI agents and transfers.')
export const legId = id().describe('One leg of the call.')
export const direction = z.enum(['inbound', 'outbound', 'internal']).describe('Seen from the tenant.')

export const party = z.looseObject({
  type: text().describe('What kind of party: external, phone_number, agent, …'),
  number: phoneNumber().nullish().describe('E.164; null when withheld or when the party has none.'),
  name: anyText().nullish().describe('Display name; null when unknown.'),
  number_id: id().nullish().describe("The tenant's own phone number."),
  agent_id: id().nullish().describe('The agent, when the party is one.'),
  email: anyText().nullish().describe("The agent's mail address."),
  extension: anyText().nullish().describe("The agent's internal number."),
})

export const agent = z.looseObject({
  agent_id: id().describe('The agent.'),
  name: anyText().nullish().describe('Display name.'),
  email: anyText().nullish().describe('Mail address.'),
  extension: anyText().nullish().describe('Internal number.'),
})

export const agentStatus = z.enum(['available', 'on_call', 'on_break', 'logged_out'])

export const queue = z.looseObject({
  queue_id: id().describe('The queue.'),
  name: anyText().nullish().describe('Display name.'),
})

/** Where a call went next. */
export const destination = z.looseObject({
  type: text().describe('What kind of destination: queue, ai_agent, agent, ivr, external, …'),
  id: id().nullish().describe('The queue, AI agent, agent or IVR flow.'),
  name: anyText().nullish().describe('Display name.'),
})

export const tags = texts().nullish().describe('Labels, in no order that means anything.')
export const customData = freeForm().nullish().describe("The tenant's own values, passed through unchanged.")

export const preSignedUrl = webUrl().describe('Pre-signed: whoever holds it can read the file. Mask it in logs.')
export const urlExpiresAt = time().describe('When url stops working: 24 h after it was made. Afterwards ask by id.')
