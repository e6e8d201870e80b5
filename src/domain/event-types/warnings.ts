// What is odd in an event that was accepted, and harmless to receivers. Examples: a word that is not in the published list, a
// time that stands for "never", an end before its start, a measured value outside its range.

import { z } from 'zod'
import { type Issue, showValue } from '../values/issue.ts'
import { traitOf, unwrap } from './mend.ts'

/** The most warnings that are listed of one event. */
export const MAX_LISTED_WARNINGS = 20

/** Reports what is odd in one value; `path` leads to it. */
type Look = (value: unknown, path: readonly string[], found: Issue[]) => void

/** Looks at data of this schema; paths start inside the data. What the schema would refuse is passed over. */
export function createWarnings(schema: z.ZodObject): (data: unknown) => Issue[] {
  const look = lookAt(schema)
  return (data) => {
    const found: Issue[] = []
    look?.(data, [], found)
    return found
  }
}

function lookAt(schema: z.core.$ZodType): Look | null {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodObject) return lookAtMembers(inner)
  if (inner instanceof z.ZodArray) return lookAtItems(inner)
  const look = lookAtText(schema)
  return look && ((value, path, found) => void (value != null && look(value, path, found)))
}

function lookAtMembers(schema: z.ZodObject): Look {
  const shape = schema.shape as Record<string, z.core.$ZodType>
  const looks = Object.entries(shape).flatMap(([name, field]) => {
    const look = lookAt(field)
    return look ? [[name, look] as const] : []
  })
  const spans = SPANS.filter(([start, end]) => start in shape && end in shape)
  const isDialled = 'e164' in shape && 'number' in shape
  return (value, path, found) => {
    if (typeof value !== 'object' || value === null) return
    const members = value as Record<string, unknown>
    for (const [name, look] of looks) {
      if (found.length >= MAX_LISTED_WARNINGS) return
      if (Object.hasOwn(members, name)) look(members[name], [...path, name], found)
    }
    for (const [start, end] of spans) lookAtSpan(members, start, end, path, found)
    if (isDialled) lookAtDialled(members, path, found)
  }
}

function lookAtItems(schema: z.ZodArray): Look | null {
  const look = lookAt(schema.element)
  if (!look) return null
  return (value, path, found) => {
    if (!Array.isArray(value)) return
    for (let at = 0; at < value.length && found.length < MAX_LISTED_WARNINGS; at++)
      look(value[at], [...path, String(at)], found)
  }
}

function lookAtText(schema: z.core.$ZodType): Look | null {
  const trait = traitOf(schema)
  switch (trait?.kind) {
    case 'word':
    case 'label':
      return lookForKnownWord(trait.known)
    case 'time':
      return lookAtTime(schema)
    case 'range':
      return (value, path, found) => {
        if (typeof value === 'number' && (value < trait.from || value > trait.to))
          warn(found, path, `expected ${trait.from} to ${trait.to}; got ${value}: check its unit`)
      }
    case 'number':
    case 'e164':
      return lookForPlaceholder
    default:
      return null
  }
}

function lookForKnownWord(known: readonly string[]): Look {
  const words = new Set(known)
  const expected = `expected a known word (${known.join(', ')})`
  return (value, path, found) => {
    if (typeof value !== 'string' || words.has(value)) return
    const meant = known.find((word) => sameLetters(word, value))
    const advice = meant ? `send ${JSON.stringify(meant)}` : 'it is passed on; receivers may not know it'
    warn(found, path, `${expected}; got ${showValue(value)}: ${advice}`)
  }
}

function sameLetters(word: string, text: string): boolean {
  return word.replaceAll('_', '') === text.toLowerCase().replace(/[^a-z0-9]/g, '')
}

// A system's zero, shown as a time: 0001-01-01, 1970-01-01, 1899-12-30.
const LAST_NEVER_YEAR = '1970'
// What RFC 3339 allows and Java's Instant and OffsetDateTime refuse.
const LONG_FRACTION = /\.\d{10}/
const FAR_OFFSET = /[+-](?:18:(?!00)|19|2\d:)[\d:]*$/

function lookAtTime(schema: z.core.$ZodType): Look {
  const advice = z.validate(schema, null) ? 'send null where it never happened' : 'send when it happened'
  return (value, path, found) => {
    if (typeof value !== 'string') return
    if (LONG_FRACTION.test(value))
      warn(found, path, `expected at most 9 digits of a second; got ${showValue(value)}: Java cannot read more`)
    if (FAR_OFFSET.test(value))
      warn(found, path, `expected an offset within 18 hours; got ${showValue(value)}: Java cannot read it`)
    if (value.slice(0, 4) > LAST_NEVER_YEAR) return
    warn(
      found,
      path,
      `expected the time of the fact; got ${showValue(value)}, which systems write for never: ${advice}`,
    )
  }
}

// What carriers send for ANONYMOUS, RESTRICTED, UNKNOWN, UNAVAILABLE and BLOCKED typed on a keypad.
const KEYPAD_WORDS = new Map([
  ['+266696687', 'withheld'],
  ['+7378742833', 'withheld'],
  ['+2562533', 'withheld'],
  ['+8656696', 'unknown'],
  ['+86282452253', 'unavailable'],
])
const PLACEHOLDER =
  /^[<("]?(?:(anonymous|restricted|private|withheld|blocked|no[ _-]?caller[ _-]?id)|(unavailable)|(unknown|none|null|n\/a))[>)"]?$/i
/** A caller that SIP hides or does not know: `sip:anonymous@anonymous.invalid`, with a name in front or without (RFC 3323). */
const SIP_ADDRESS = /^(?:"[^"]*"|[\w ]*)\s*<?sips?:([^@;>]+)@([^;>]+)/i

function hiddenUser(text: string): string | null {
  const [, user, host] = SIP_ADDRESS.exec(text) ?? []
  return user && (/^anonymous$/i.test(user) || /\.invalid$/i.test(host!)) ? user : null
}

const lookForPlaceholder: Look = (value, path, found) => {
  if (typeof value !== 'string') return
  const text = value.trim()
  const words = PLACEHOLDER.exec(hiddenUser(text) ?? text)
  const kind =
    KEYPAD_WORDS.get(value) ?? (words ? (words[1] ? 'withheld' : words[2] ? 'unavailable' : 'unknown') : null)
  if (kind)
    warn(
      found,
      path,
      `expected a number; got ${showValue(value)}, which stands for none: send null and number_kind ${JSON.stringify(kind)}`,
    )
}

function lookAtDialled(members: Record<string, unknown>, path: readonly string[], found: Issue[]): void {
  const { number, e164, number_kind: kind } = members
  if (kind !== 'e164' || typeof e164 === 'string') return
  if (typeof number === 'string' && /^\+[1-9]\d{1,14}$/.test(number)) return
  warn(
    found,
    [...path, 'number_kind'],
    `expected a number in E.164 beside the kind "e164"; got ${showValue(number)}: send e164, or another kind`,
  )
}

/** What begins and what ends, by the names they have beside each other. */
const SPANS: readonly (readonly [start: string, end: string])[] = [
  ['created_at', 'ended_at'],
  ['created_at', 'answered_at'],
  ['answered_at', 'ended_at'],
  ['started_at', 'ended_at'],
  ['started_at', 'completed_at'],
  ['initiated_at', 'completed_at'],
  ['entered_at', 'abandoned_at'],
  ['paused_at', 'expected_resume_at'],
  ['logged_in_at', 'changed_at'],
  ['start_ms', 'end_ms'],
]

function lookAtSpan(
  members: Record<string, unknown>,
  start: string,
  end: string,
  path: readonly string[],
  found: Issue[],
): void {
  const from = pointOf(members[start])
  const to = pointOf(members[end])
  if (from === null || to === null || to >= from) return
  warn(
    found,
    [...path, end],
    `expected a ${typeof members[end] === 'number' ? 'value' : 'time'} not before ${start} (${showValue(members[start])}); got ${showValue(members[end])}: check which is which`,
  )
}

function pointOf(value: unknown): number | null {
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return null
  const moment = Date.parse(value)
  return Number.isNaN(moment) ? null : moment
}

function warn(found: Issue[], path: readonly string[], message: string): void {
  if (found.length < MAX_LISTED_WARNINGS) found.push({ path: [...path], message })
}
