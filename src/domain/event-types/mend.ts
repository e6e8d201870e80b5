// What to send instead of a value that a schema refuses. A mend is a value that the schema takes, found by trying what
// publishers' systems usually mean; nothing is advised that would be refused in its turn, and nothing is invented.
import { z } from 'zod'
import { findTimeFault } from '../values/mend-time.ts'
import { traits } from './shapes.ts'

/** The value as the schema takes it, where it is certain what was meant; undefined where it is not. */
export function findMend(schema: z.core.$ZodType, value: unknown): unknown {
  return candidatesFor(schema, value).find((candidate) => candidate !== undefined && z.validate(schema, candidate))
}

/** What to do about a value that the schema refuses, as the end of a message; null when the expectation says it all. */
export function adviseMend(schema: z.core.$ZodType, value: unknown): string | null {
  const trait = traitOf(schema)
  if (trait?.kind === 'time' && (typeof value === 'string' || typeof value === 'number')) {
    const fault = findTimeFault(value)
    if (fault?.mended === null) return z.validate(schema, null) ? `${fault.advice}, or send null` : fault.advice
    if (fault && z.validate(schema, fault.mended)) return fault.advice
  }
  if (value === null) return 'every event of this type has it'
  const mend = findMend(schema, value)
  if (mend === null) return 'send null, or leave it out'
  if (mend !== undefined) {
    const written = JSON.stringify(mend)
    return written.length <= LONGEST_SHOWN ? `send ${written}${noteOf(value, mend)}` : `send it as ${kindOf(mend)}`
  }
  const isNullable = z.validate(schema, null)
  if (trait?.kind === 'word') return `find a word for it${isNullable ? ', or send null' : ''}; native takes it as it is`
  if (trait?.kind === 'e164') return 'send null; number takes it as it is'
  if (typeof value === 'object' && value !== null) return null
  return isNullable ? 'send null, or leave it out, where there is no such value' : null
}

const LONGEST_SHOWN = 200

function candidatesFor(schema: z.core.$ZodType, value: unknown): unknown[] {
  if (typeof value === 'string') return textCandidates(schema, value)
  if (typeof value === 'number') return numberCandidates(schema, value)
  if (typeof value === 'boolean') return [String(value)]
  // PHP writes an empty object as an empty list.
  if (Array.isArray(value) && value.length === 0) return [{}]
  return []
}

function textCandidates(schema: z.core.$ZodType, value: string): unknown[] {
  const text = value.trim()
  if (text === '') return [null]
  const kind = traitOf(schema)?.kind
  if (kind === 'word') return wordCandidates(schema, text)
  if (kind === 'time') return [findTimeFault(text)?.mended, STANDS_FOR_NOTHING.test(text) ? null : undefined]
  if (kind === 'e164') return [text.replace(/^(?:tel|sip):(?=\+)/i, '').replace(/[\s().-]/g, '')]
  if (kind === 'direction') return [directionOf(text)]
  const amount = /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : secondsOf(text)
  return [
    text,
    ...wordCandidates(schema, text),
    text.toUpperCase(),
    amount,
    amount !== undefined && amount >= 0 ? (kind === 'rounded_up' ? Math.ceil : Math.floor)(amount) : undefined,
    /^(?:true|false)$/i.test(text) ? text.toLowerCase() === 'true' : undefined,
    [text],
    STANDS_FOR_NOTHING.test(text) ? null : undefined,
  ]
}

const STANDS_FOR_NOTHING = /^(?:null|nil|none|undefined|n\/?a|-)$/i

// What most systems call it; a single letter means something else in each.
function directionOf(text: string): string | undefined {
  const [, side] = /^(in|out|internal)(?:bound|coming|going)?(?:[-_ ].*)?$/i.exec(text) ?? []
  return side && { in: 'inbound', out: 'outbound', internal: 'internal' }[side.toLowerCase()]
}

// A known word in another spelling first; else its words in lower case.
function wordCandidates(schema: z.core.$ZodType, text: string): string[] {
  const snake = text
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase()
  const trait = traitOf(schema)
  const known = trait && 'known' in trait ? trait.known : []
  const letters = snake.replaceAll('_', '')
  const meant = known.find((word) => word.replaceAll('_', '') === letters)
  return meant ? [meant, snake] : [snake]
}

function numberCandidates(schema: z.core.$ZodType, value: number): unknown[] {
  if (traitOf(schema)?.kind === 'time') return [findTimeFault(value)?.mended]
  const round = traitOf(schema)?.kind === 'rounded_up' ? Math.ceil : Math.floor
  return [
    decimalOf(value),
    value >= 0 ? round(value) : undefined,
    value === 1 ? true : value === 0 ? false : undefined,
    [value],
    [String(value)],
  ]
}

/** Without an exponent, which amounts and ids are not written with. */
function decimalOf(value: number): string {
  const text = String(value)
  return text.includes('e') ? value.toLocaleString('en', { useGrouping: false, maximumFractionDigits: 20 }) : text
}

const ISO_DURATION = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$/i
const CLOCK_DURATION = /^(\d+):([0-5]\d):([0-5]\d(?:\.\d+)?)$/

/** Seconds written as PT20.056S or 00:01:31. */
function secondsOf(text: string): number | undefined {
  const iso = ISO_DURATION.exec(text)
  if (iso && text.length > 2) return toSeconds(iso[1], iso[2], iso[3])
  const clock = CLOCK_DURATION.exec(text)
  return clock ? toSeconds(clock[1], clock[2], clock[3]) : undefined
}

function toSeconds(hours = '0', minutes = '0', seconds = '0'): number {
  return Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)
}

function noteOf(value: unknown, mend: unknown): string {
  if (typeof mend === 'number' && typeof value === 'number') return mend > value ? ', rounded up' : ', rounded down'
  if (typeof mend === 'number')
    return Number(value) === mend ? ', a number without quotes' : ', whole and without quotes'
  if (typeof mend === 'string' && typeof value === 'number') return ', in quotes'
  return ''
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'an array' : typeof value === 'string' ? 'a string' : 'a number'
}

/** What is known of the field beyond its schema, behind `nullable` and `optional`. */
export function traitOf(schema: z.core.$ZodType) {
  return traits.get(unwrap(schema))
}

/** The schema behind `nullable` and `optional`. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const isWrapper = schema instanceof z.ZodOptional || schema instanceof z.ZodNullable
  return isWrapper ? unwrap(schema.unwrap()) : schema
}
