// What makes one event of publishEvents acceptable, and when two of them are the same event. An event without issues
// fits the catalogue, can be written as JSON, stored and sent exactly as its publisher wrote it.
import { hash } from 'node:crypto'
import { z } from 'zod'
import {
  describeOperationalEventType,
  describeUnknownEventType,
  findEventType,
  isEventType,
  isOperational,
  MAX_LISTED_ISSUES,
  validateEventData,
} from '../event-types/catalogue.ts'
import { adviseMend, findMend } from '../event-types/mend.ts'
import { schemaAt } from '../event-types/mismatches.ts'
import { canonicalJson } from '../values/canonical-json.ts'
import { TIME_EXAMPLES, UnreadableTime } from '../values/date-time.ts'
import { findInexactNumbers, InexactNumber } from '../values/exact-json.ts'
import { type Issue, issuesWithin, showValue } from '../values/issue.ts'
import { NUL, validateText } from '../values/stored-text.ts'
import { MAX_BODY_BYTES } from './envelope.ts'

/** Objects and arrays inside each other, `data` itself counted. What parsers and Postgres take everywhere. */
export const MAX_DATA_DEPTH = 500
export const MAX_SUBJECT_LENGTH = 256
/** The largest whole number that a double, and so every reader of JSON, holds exactly. */
const MAX_SEQUENCE = Number.MAX_SAFE_INTEGER
export const MAX_IDEMPOTENCY_KEY_LENGTH = 256

/** One event as its publisher gave it. Absent and null are the same. */
export type UncheckedEvent = {
  type: string
  /** As it came out of JSON, with markers for inexact numbers. */
  data: unknown
  subject?: string | null
  /** As it came. */
  sequence?: unknown
  occurredAt?: Date | UnreadableTime | null
  idempotencyKey?: string | null
  /** How long the event is of use, in seconds from its acceptance. It is no part of what the event says. */
  ttlSeconds?: number | null
}

/** An event whose members are of the right types; `validateEvent` says so of one that it accepts. */
export type EventInput = UncheckedEvent & { sequence?: number | null; occurredAt?: Date | null }

/** The same as `validateEvent` for an event that somebody publishes: a type that only the gateway publishes is refused. */
export function validatePublished(input: UncheckedEvent, limit = MAX_LISTED_ISSUES): Issue[] {
  if (isOperational(input.type)) return [{ path: ['type'], message: describeOperationalEventType(input.type) }]
  return validateEvent(input, limit)
}

/** What is wrong with the event, at most `limit` of it in its data; paths from the event on. Empty: it can be accepted. */
export function validateEvent(input: UncheckedEvent, limit = MAX_LISTED_ISSUES): Issue[] {
  return [
    ...validateTypeAndData(input, limit),
    ...validateSubject(input.subject),
    ...validateSequence(input.sequence),
    ...validateOccurredAt(input.occurredAt),
    ...validateIdempotencyKey(input.idempotencyKey),
    ...validateTtl(input.ttlSeconds),
  ]
}

/** What is odd in an accepted event, and harmless to receivers; paths from the event on. */
export function findEventWarnings({
  type,
  data,
  occurredAt,
}: Pick<EventInput, 'type' | 'data' | 'occurredAt'>): Issue[] {
  const inData = issuesWithin(['data'], findEventType(type)?.findWarnings(data) ?? [])
  if (!occurredAt || occurredAt.getUTCFullYear() > LAST_NEVER_YEAR) return inData
  const came = occurredAt.toISOString()
  const message = `expected when it happened; got ${came}, which systems write for never: send the time, or leave it out`
  return [...inData, { path: ['occurredAt'], message }]
}

const LAST_NEVER_YEAR = 1970

/** The issue of a body that measures more than `MAX_BODY_BYTES`. */
export function bodyTooLarge(bytes: number): Issue {
  return { path: ['data'], message: `expected at most ${MAX_BODY_BYTES} bytes as sent, got ${bytes}: send less data` }
}

/**
 * SHA-256 of what the event says: the same for the same JSON value in another member order and for the same instant
 * in another offset. Only for events that `validateEvent` accepts.
 */
export function eventFingerprint({ type, data, subject, sequence, occurredAt }: EventInput): Buffer {
  const head = JSON.stringify([type, subject ?? null, sequence ?? null, occurredAt?.getTime() ?? null])
  return hash('sha256', `${head}${canonicalJson(data)}`, 'buffer')
}

function validateTypeAndData({ type, data }: UncheckedEvent, limit: number): Issue[] {
  const issues = isEventType(type) ? [] : [{ path: ['type'], message: describeUnknownEventType(type) }]
  return [...issues, ...issuesWithin(['data'], validateData(type, data, limit))]
}

function validateData(type: string, data: unknown, limit: number): Issue[] {
  if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof InexactNumber) {
    const came = data instanceof InexactNumber ? 'a number' : showValue(data)
    const isText = typeof data === 'string' && data.trimStart().startsWith('{')
    const remedy = isText ? 'send the object itself, and not its text' : 'wrap it in a member'
    return [{ path: [], message: `expected an object, got ${came}: ${remedy}` }]
  }
  const shape = inspect(data, 1)
  if (shape === 'too_deep') {
    const message = `expected at most ${MAX_DATA_DEPTH} levels of objects and arrays, got more: flatten it`
    return [{ path: [], message }]
  }
  const inexact = shape === 'inexact' ? validateNumbers(type, data, limit) : []
  if (!isEventType(type)) return inexact
  const mismatches = validateEventData(type, data, limit)
  if (inexact.length === 0) return mismatches
  const named = new Set(inexact.map(({ path }) => path.join('\0')))
  return [...inexact, ...mismatches.filter(({ path }) => !named.has(path.join('\0')))]
}

function validateNumbers(type: string, data: object, limit: number): Issue[] {
  return findInexactNumbers(data, limit).map(({ path, source }) => ({
    path,
    message: `expected a number that a double holds exactly, got ${showNumber(source)}: ${adviseNumber(type, path, source)}`,
  }))
}

// A string is advised only where the schema takes one; where it takes the nearest double, that.
function adviseNumber(type: string, path: readonly string[], source: string): string {
  const schema = findEventType(type)?.schema
  const field = schema && schemaAt(schema, path)
  if (!field || z.validate(field, source)) return 'send it as a string'
  const nearest = Number(source)
  if (Number.isFinite(nearest) && z.validate(field, nearest)) return `send ${nearest}, or fewer digits`
  return findMend(field, source) === undefined ? 'send a smaller number' : adviseMend(field, source)!
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

function validateSubject(subject: string | null | undefined): Issue[] {
  if (subject === null || subject === undefined) return []
  return validateText('subject', subject, MAX_SUBJECT_LENGTH, CONTROL_CHARACTER, 'no control characters')
}

/** What is wrong with the key; absent and null are right. */
export function validateIdempotencyKey(key: string | null | undefined): Issue[] {
  if (key === null || key === undefined) return []
  return validateText('idempotencyKey', key, MAX_IDEMPOTENCY_KEY_LENGTH, NUL, 'no NUL')
}

const CONTROL_CHARACTER = /\p{Cc}/u

/** In seconds: longer than the schedule and its manual retries need. */
const MAX_TTL_SECONDS = 30 * 86_400

function validateTtl(ttlSeconds: number | null | undefined): Issue[] {
  if (ttlSeconds === null || ttlSeconds === undefined) return []
  if (Number.isInteger(ttlSeconds) && ttlSeconds >= 1 && ttlSeconds <= MAX_TTL_SECONDS) return []
  const message = `expected a whole number of seconds from 1 to ${MAX_TTL_SECONDS}, got ${showValue(ttlSeconds)}: leave it out for an event that stays of use`
  return [{ path: ['ttlSeconds'], message }]
}

function validateSequence(sequence: unknown): Issue[] {
  if (sequence === null || sequence === undefined) return []
  if (Number.isSafeInteger(sequence) && (sequence as number) >= 0) return []
  const came = sequence instanceof InexactNumber ? showNumber(sequence.source) : showValue(sequence)
  const message = `expected a whole number from 0 to ${MAX_SEQUENCE}, got ${came}: ${adviseSequence(sequence)}`
  return [{ path: ['sequence'], message }]
}

function adviseSequence(sequence: unknown): string {
  const isDigits = typeof sequence === 'string' && /^\d+$/.test(sequence.trim())
  if (isDigits && Number.isSafeInteger(Number(sequence))) return `send ${Number(sequence)}, a number without quotes`
  const size = Number(sequence instanceof InexactNumber ? sequence.source : sequence)
  if (size > MAX_SEQUENCE) return 'count in milliseconds or microseconds, or from 1 within each subject'
  return 'count up within each subject, or leave it out'
}

function validateOccurredAt(occurredAt: Date | UnreadableTime | null | undefined): Issue[] {
  if (occurredAt === null || occurredAt === undefined) return []
  if (occurredAt instanceof UnreadableTime) {
    const { written, advice } = occurredAt
    const message = `expected a time with an offset, such as ${TIME_EXAMPLES}, got ${showValue(written)}: ${advice}`
    return [{ path: ['occurredAt'], message }]
  }
  const year = occurredAt.getUTCFullYear()
  if (year >= 1 && year <= 9999) return []
  const came = Number.isNaN(year) ? 'no time' : `the year ${year} in UTC`
  return [{ path: ['occurredAt'], message: `expected a time in the years 1 to 9999 UTC, got ${came}` }]
}
