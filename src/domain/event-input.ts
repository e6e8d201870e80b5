// What makes one event of publishEvents acceptable, and when two of them are the same event. An event without issues
// fits the catalogue, can be written as JSON, stored and sent exactly as its publisher wrote it.
import { hash } from 'node:crypto'
import { MAX_BODY_BYTES } from './envelope.ts'
import { checkEventData, describeUnknownEventType, isEventType, MAX_LISTED_ISSUES } from './event-type.ts'
import { findInexactNumbers, InexactNumber } from './exact-json.ts'
import { type Issue, issuesWithin, showValue } from './issue.ts'

/** Objects and arrays inside each other, `data` itself counted. What parsers and Postgres take everywhere. */
export const MAX_DATA_DEPTH = 500
const MAX_SUBJECT_LENGTH = 256
/** GraphQL's largest Int. */
const MAX_SEQUENCE = 2 ** 31 - 1
const MAX_IDEMPOTENCY_KEY_LENGTH = 256

/** One event as its publisher gave it. Absent and null are the same. */
export type EventInput = {
  type: string
  /** As it came out of JSON, with markers for inexact numbers. */
  data: unknown
  subject?: string | null
  sequence?: number | null
  occurredAt?: Date | null
  idempotencyKey?: string | null
}

/** Everything that is wrong with the event, paths from the event on; empty when it can be accepted. */
export function checkEvent(input: EventInput): Issue[] {
  return [
    ...checkTypeAndData(input),
    ...checkSubject(input.subject),
    ...checkSequence(input.sequence),
    ...checkOccurredAt(input.occurredAt),
    ...checkIdempotencyKey(input.idempotencyKey),
  ]
}

/** The issue of a body that measures more than `MAX_BODY_BYTES`. */
export function bodyTooLarge(bytes: number): Issue {
  return { path: ['data'], message: `expected at most ${MAX_BODY_BYTES} bytes as sent, came ${bytes}: send less data` }
}

/**
 * SHA-256 of what the event says: the same for the same JSON value in another member order and for the same instant
 * in another offset. Only for events that `checkEvent` accepts.
 */
export function eventFingerprint({ type, data, subject, sequence, occurredAt }: EventInput): Buffer {
  const head = JSON.stringify([type, subject ?? null, sequence ?? null, occurredAt?.getTime() ?? null])
  return hash('sha256', `${head}${canonicalJson(data)}`, 'buffer')
}

function checkTypeAndData({ type, data }: EventInput): Issue[] {
  const issues = isEventType(type) ? [] : [{ path: ['type'], message: describeUnknownEventType(type) }]
  return [...issues, ...issuesWithin(['data'], checkData(type, data))]
}

function checkData(type: string, data: unknown): Issue[] {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof InexactNumber) {
    const came = data instanceof InexactNumber ? 'a number' : showValue(data)
    return [{ path: [], message: `expected an object, came ${came}: wrap it in a member` }]
  }
  const shape = inspect(data, 1)
  if (shape === 'too_deep') {
    const message = `expected at most ${MAX_DATA_DEPTH} levels of objects and arrays, came more: flatten it`
    return [{ path: [], message }]
  }
  const inexact = shape === 'inexact' ? checkNumbers(data) : []
  if (!isEventType(type)) return inexact
  const mismatches = checkEventData(type, data)
  if (inexact.length === 0) return mismatches
  const named = new Set(inexact.map(({ path }) => path.join('\0')))
  return [...inexact, ...mismatches.filter(({ path }) => !named.has(path.join('\0')))]
}

function checkNumbers(data: object): Issue[] {
  return findInexactNumbers(data, MAX_LISTED_ISSUES).map(({ path, source }) => ({
    path,
    message: `expected a number that a double holds exactly, came ${showNumber(source)}: send it as a string`,
  }))
}

function showNumber(source: string): string {
  return source.length <= 60 ? source : `${source.slice(0, 60)}… (${source.length} characters)`
}

// One walk over every value of every event: it stops at the depth limit, so it cannot exhaust the stack.
function inspect(value: object, depth: number): 'plain' | 'inexact' | 'too_deep' {
  if (depth > MAX_DATA_DEPTH) return 'too_deep'
  if (value instanceof InexactNumber) return 'inexact'
  let found: 'plain' | 'inexact' = 'plain'
  for (const child of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof child !== 'object' || child === null) continue
    const inside = inspect(child, depth + 1)
    if (inside === 'too_deep') return inside
    if (inside === 'inexact') found = inside
  }
  return found
}

function checkSubject(subject: string | null | undefined): Issue[] {
  if (subject === null || subject === undefined) return []
  return checkText('subject', subject, MAX_SUBJECT_LENGTH, CONTROL_CHARACTER, 'no control characters')
}

function checkIdempotencyKey(key: string | null | undefined): Issue[] {
  if (key === null || key === undefined) return []
  return checkText('idempotencyKey', key, MAX_IDEMPOTENCY_KEY_LENGTH, NUL, 'no NUL')
}

const CONTROL_CHARACTER = /\p{Cc}/u
const NUL = /\0/

// Lone surrogates have no UTF-8: two keys that differ only in them would be stored as the same.
function checkText(name: string, text: string, maxLength: number, forbidden: RegExp, rule: string): Issue[] {
  const issues: Issue[] = []
  const expect = (message: string) => issues.push({ path: [name], message })
  const length = countCharacters(text, maxLength)
  if (text === '') expect(`expected 1 to ${maxLength} characters, came none; leave it out instead`)
  if (length > maxLength) expect(`expected 1 to ${maxLength} characters, came ${length}`)
  if (forbidden.test(text)) expect(`expected ${rule}, came ${showValue(text)}`)
  if (!text.isWellFormed()) expect('expected whole Unicode characters, came half a surrogate pair')
  return issues
}

function countCharacters(text: string, enough: number): number {
  if (text.length <= enough) return text.length
  let count = 0
  for (const _ of text) count++
  return count
}

function checkSequence(sequence: number | null | undefined): Issue[] {
  if (sequence === null || sequence === undefined) return []
  if (Number.isInteger(sequence) && sequence >= 0 && sequence <= MAX_SEQUENCE) return []
  const message = `expected a whole number from 0 to ${MAX_SEQUENCE}, came ${showValue(sequence)}`
  return [{ path: ['sequence'], message }]
}

function checkOccurredAt(occurredAt: Date | null | undefined): Issue[] {
  if (occurredAt === null || occurredAt === undefined) return []
  const year = occurredAt.getUTCFullYear()
  if (year >= 1 && year <= 9999) return []
  const came = Number.isNaN(year) ? 'no time' : `the year ${year} in UTC`
  return [{ path: ['occurredAt'], message: `expected a time in the years 1 to 9999 UTC, came ${came}` }]
}

// Concatenation, not map and join: this runs for every event that carries an idempotency key.
function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value !== 'object' || value === null) return String(value)
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${canonicalJson(item)}`
    return `[${text}]`
  }
  const members = value as Record<string, unknown>
  for (const name of Object.keys(members).sort()) {
    text += `${text === '' ? '' : ','}${quote(name)}:${canonicalJson(members[name])}`
  }
  return `{${text}}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes exactly these, and lone surrogates.
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/

function quote(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`
}
