// The pieces that several event types share. Every object is loose: it checks the fields it names and lets others
// through. A field that real records lack may be absent or null, both mean "there is none"; ids, states and the times of
// the fact itself are required. Lists of words are open: a receiver keeps a default branch.
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
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d+)?'
const OFFSET = '(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)'

/** RFC 3339 as every receiver reads it: days checked against the month, capital T and Z, no leap second. */
const RFC_3339 = new RegExp(`^${DATE}T${CLOCK}${OFFSET}$`)
const E_164 = /^\+[1-9]\d{1,14}$/
const WORD = /^[a-z][a-z0-9_]{0,63}$/
const DECIMAL = /^-?\d+(?:\.\d+)?$/
const CURRENCY = /^[A-Z]{3}$/

/**
 * What the schema alone does not say of a field: which words are known, which range is usual, what kind of text it is.
 * Mends and warnings are made of it.
 */
export type Trait =
  | { readonly kind: 'word' | 'label'; readonly known: readonly string[] }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'time' | 'number' | 'e164' | 'rounded_up' | 'direction' }

export const traits = z.registry<Trait>()

/** What a field with this trait expects, as a message says it; null where its kind says enough. */
export function expectationOf(trait: Trait | undefined): string | null {
  switch (trait?.kind) {
    case 'word':
      return `expected a word of lower-case letters, digits and _, such as ${trait.known.join(', ')}`
    case 'time':
      return 'expected an RFC 3339 time with an offset, such as 2026-11-18T14:02:11.482Z'
    case 'e164':
      return 'expected an E.164 number such as +14155550132'
    default:
      return null
  }
}

function textOf(pattern: RegExp, trait: Trait) {
  return z.string().regex(pattern, expectationOf(trait)!).register(traits, trait)
}

/** An id: any text of 1 to 256 characters, so that a publisher's own ids pass, an Amazon Resource Name among them. */
export const id = () => text().max(256, 'expected an id of at most 256 characters')
/** A text that is never empty. */
export const text = () => z.string().min(1, 'expected a text that is not empty')
/** Names and spoken or written text, which may be empty. */
export const anyText = () => z.string()
/** A word of an open list: the known ones are published, others pass with a warning. */
export const word = (...known: readonly string[]) => textOf(WORD, { kind: 'word', known }).meta({ examples: known })
/** A text that is best one of the known words; any other passes with a warning. */
export const label = (...known: readonly string[]) =>
  text().register(traits, { kind: 'label', known }).meta({ examples: known })
export const time = () => textOf(RFC_3339, { kind: 'time' }).meta({ format: 'date-time' })
export const seconds = () => z.int().nonnegative()
/** What is billed is rounded up, where everything else is rounded down. */
export const billedSeconds = () => seconds().register(traits, { kind: 'rounded_up' })
export const milliseconds = () => z.int().nonnegative()
export const count = () => z.int().nonnegative()
/** A position or number that starts at 1. */
export const ordinal = () => z.int().positive()
/** A measured value; one outside the usual range passes with a warning. */
export const measure = (from: number, to: number) => z.number().register(traits, { kind: 'range', from, to })
export const texts = () => z.array(text())
export const ids = () => z.array(id())
/** Free-form values of the tenant's own making. */
export const freeForm = () => z.looseObject({})
export const decimalAmount = () => z.string().regex(DECIMAL, 'expected a decimal amount as text, such as "0.0924"')
export const currency = () => z.string().regex(CURRENCY, 'expected an ISO 4217 code such as USD')

/** How a party is dialled: as the network gave it, and beside it what is certain. */
export const dialled = {
  number: text()
    .max(256, 'expected a number of at most 256 characters')
    .register(traits, { kind: 'number' })
    .nullish()
    .describe(
      'As the network gave it: E.164, national, an extension, 112, *98, a SIP URI, masked. null when it was withheld or there is none.',
    ),
  e164: textOf(E_164, { kind: 'e164' })
    .nullish()
    .describe('The same number in E.164; null or absent when that is not certain.'),
  number_kind: word(
    'e164',
    'national',
    'extension',
    'short_code',
    'emergency',
    'sip',
    'client',
    'masked',
    'withheld',
    'unavailable',
    'unknown',
  )
    .nullish()
    .describe('What number is; withheld, unavailable and unknown also say why it is null.'),
}

export const callId = id().describe('The call; the same through queues, IVR, AI agents and transfers.')
export const legId = id().describe('One leg of the call.')
export const direction = z
  .enum(['inbound', 'outbound', 'internal'])
  .register(traits, { kind: 'direction' })
  .describe('Seen from the tenant.')

export const party = z.looseObject({
  type: label(
    'external',
    'phone_number',
    'agent',
    'ai_agent',
    'user',
    'extension',
    'sip',
    'client',
    'channel',
    'queue',
    'ivr',
    'voicemail',
    'conference',
    'emergency',
    'system',
    'api',
    'unknown',
  ).describe('What kind of party.'),
  ...dialled,
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

export const agentStatus = word('available', 'on_call', 'on_break', 'logged_out')

export const queue = z.looseObject({
  queue_id: id().describe('The queue.'),
  name: anyText().nullish().describe('Display name.'),
})

/** Where a call went next. */
export const destination = z.looseObject({
  type: label('queue', 'ai_agent', 'agent', 'ivr', 'external', 'voicemail').describe('What kind of destination.'),
  id: id().nullish().describe('The queue, AI agent, agent or IVR flow.'),
  name: anyText().nullish().describe('Display name.'),
})

export const tags = texts().nullish().describe('Labels, in no order that means anything.')
export const customData = freeForm().nullish().describe("The tenant's own values, passed through unchanged.")

/** Where a file is. Some systems give a bucket's key, or a URL that needs their own key. */
export const fileUrl = text()
  .nullish()
  .describe(
    'Where the file is: a URL, an s3:// or gs:// URI, or the key in a bucket; null when the system names none. A pre-signed URL lets anyone read the file: mask it in logs.',
  )
export const fileUrlExpiresAt = time()
  .nullish()
  .describe('When url stops working; null when the system states no end. Afterwards ask by id.')
export const native = freeForm()
  .nullish()
  .describe(
    "What the system said in its own words: its names, codes and units, unchanged. No receiver's code should depend on it.",
  )
