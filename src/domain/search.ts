// What a search in events finds. An event has terms: its numbers, ids, names, addresses and other short texts, each in one
// spelling. A search has tokens; an event matches if it has the term of every token. The index (gateway/search) holds the terms.

import { fromPublicId, toPublicId } from './id.ts'
import { isSameNumber, isTelephoneNumber, plainNumber, significantDigits } from './phone-number.ts'

/** What does not fit is not found: an event has so many terms at most. */
export const MAX_TERMS = 64
const MAX_SEARCH_LENGTH = 200
const MAX_TOKENS = 6
/** Longer texts are prose: a transcript, a summary. */
const MAX_TEXT_LENGTH = 120
/** How many characters of a long id the console shows, and how many digits of a number all its spellings share. */
const TAIL = 8
const SHARED_DIGITS = 7
const SHORTEST_WORD = 2

/** `deliveryIds`: database ids. `data`: null after the retention time of the payload. */
export type SearchedEvent = {
  readonly id: string
  readonly subject: string | null
  readonly data: unknown
  readonly deliveryIds: readonly string[]
}

/** The terms of an event, once each, at most MAX_TERMS. */
export function termsOfEvent({ id, subject, data, deliveryIds }: SearchedEvent): string[] {
  const terms = new Set<string>()
  const add = (term: string) => {
    if (terms.size < MAX_TERMS) terms.add(term)
  }
  add(tailOf(toPublicId('event', id)))
  if (subject !== null) for (const term of termsOfText(subject)) add(term)
  for (const deliveryId of deliveryIds) add(tailOf(toPublicId('delivery', deliveryId)))
  for (const { name, text } of textsIn(data)) if (isNaming(name, text)) for (const term of termsOfText(text)) add(term)
  return [...terms]
}

/** A term that an event must have. The term tells the end of a number or long id; `whole` is then all of it. */
export type SearchToken = {
  readonly term: string
  readonly whole: { readonly kind: 'number' | 'word'; readonly text: string } | null
}

/** What a search asks for; a text says what is wrong with it. */
export function readSearch(text: string): readonly SearchToken[] | string {
  if (text.length > MAX_SEARCH_LENGTH)
    return `expected at most ${MAX_SEARCH_LENGTH} characters, got ${text.length}; search for fewer words`
  const tokens = tokensIn(text)
  if (tokens.length === 0)
    return `expected a number, an id or its last ${TAIL} characters, a name or an address, of ${SHORTEST_WORD} characters or more; got ${JSON.stringify(text)}`
  if (tokens.length > MAX_TOKENS) return `expected at most ${MAX_TOKENS} words, got ${tokens.length}; leave some out`
  return tokens
}

/** Whether an event that has the terms of a search also has its numbers and long ids as a whole. */
export function hasWhole(tokens: readonly SearchToken[], { subject, data }: Pick<SearchedEvent, 'subject' | 'data'>) {
  if (tokens.every(({ whole }) => whole === null)) return true
  const texts = [...(subject === null ? [] : [subject]), ...textsIn(data).map((found) => found.text)]
  return tokens.every(({ whole }) => {
    if (whole === null) return true
    if (whole.kind === 'number') return texts.some((text) => isSameNumber(whole.text, text))
    return texts.some((text) => wordsOf(text).includes(whole.text))
  })
}

const BETWEEN_WORDS = /[\s,;|"'<>()[\]{}]+/
const DIGIT = String.raw`[\d\u0660-\u0669\u06f0-\u06f9\uff10-\uff19]`
const NUMBER_WITHIN = new RegExp(
  String.raw`\p{Cf}*(?:(?:tel|sips?):)?(?:\+|\uff0b|%2b)?\(?${DIGIT}(?:${DIGIT}|[\s\p{Pd}\p{Cf}\u2212().~/])*${DIGIT}` +
    String.raw`(?:(?:\s*,?\s*(?:ext(?:n|ension)?|x)[\s.:=]*|,+)\d{1,7}#?)?(?:[@;][^\s<>]+)?\p{Cf}*`,
  'giu',
)
/** The shortened form in which the console shows ids: evt_…4tynabcd. */
const SHORTENED = /(?:[a-z]+_)?(?:…|\.\.\.)/gi

function tokensIn(text: string): SearchToken[] {
  const tokens: SearchToken[] = []
  const rest = text.replace(NUMBER_WITHIN, (found, at: number) => {
    const isPartOfWord = !BETWEEN_WORDS.test(text[at - 1] ?? ' ') || !BETWEEN_WORDS.test(text[at + found.length] ?? ' ')
    if (isPartOfWord || !isTelephoneNumber(found)) return found
    tokens.push({ term: numberTerm(found), whole: { kind: 'number', text: found.trim() } })
    return ' '
  })
  for (const word of wordsOf(rest.replace(SHORTENED, ' '))) {
    if (!isLongId(word)) tokens.push({ term: word, whole: null })
    // The ids of the gateway are not in the data, and their ends are enough.
    else if (OWN.some((kind) => fromPublicId(kind, word))) tokens.push({ term: tailOf(word), whole: null })
    else tokens.push({ term: tailOf(word), whole: { kind: 'word', text: word } })
  }
  return tokens
}

const OWN = ['event', 'delivery'] as const

function termsOfText(text: string): string[] {
  const number = /\d|[^\0-\x7f]/.test(text) && isTelephoneNumber(text) ? [numberTerm(text)] : []
  // "Maya" <sip:+442079460958@sbc.example.com> has a name beside its number.
  if (number.length > 0 && !text.includes('<')) return number
  const bare = /^(?:tel|sips?|client):/i.test(text) ? wordsOf(plainNumber(text)) : []
  return [...number, ...[...wordsOf(text), ...bare].map((word) => (isLongId(word) ? tailOf(word) : word))]
}

const numberTerm = (text: string): string => `#${significantDigits(text).slice(-SHARED_DIGITS)}`
const tailOf = (id: string): string => id.slice(-TAIL).toLowerCase()

/** As `shortId` of the console has it: one that is shown by its end. An address ends like many others. */
const isLongId = (word: string): boolean =>
  word.length > 13 && word.length - word.indexOf('_') > 13 && /\d/.test(word) && !word.includes('@')

/** In lower case, without accents: Zoë is zoe. */
function fold(text: string): string {
  const lower = text.toLowerCase()
  return /^[\0-\x7f]*$/.test(lower) ? lower : lower.normalize('NFKD').replace(/\p{M}/gu, '')
}

function wordsOf(text: string): string[] {
  return fold(text)
    .split(BETWEEN_WORDS)
    .map((word) => word.replace(/^[.:!?…-]+|[.:!?…-]+$/g, ''))
    .filter((word) => word.length >= SHORTEST_WORD)
}

type FoundText = { readonly name: string; readonly text: string }

/** Every short text in the data of an event, and numbers that people may know something by; nearest to the top first. */
function textsIn(data: unknown): FoundText[] {
  const found: FoundText[] = []
  let level: { name: string; value: unknown }[] = [{ name: '', value: data }]
  while (level.length && found.length < 1_000) {
    const next: typeof level = []
    for (const { name, value } of level) {
      if (typeof value === 'string') {
        if (value.length <= MAX_TEXT_LENGTH) found.push({ name, text: value })
      } else if (Array.isArray(value)) next.push(...value.map((each) => ({ name, value: each })))
      else if (typeof value === 'object' && value !== null)
        next.push(...Object.entries(value).map(([member, each]) => ({ name: member, value: each })))
      else if (typeof value === 'number' && /(?:^|_)(?:id|number|ref|reference|code)$/i.test(name))
        found.push({ name, text: String(value) })
    }
    level = next
  }
  return found
}

const NAMES = /(?:^|_)(?:ids?|numbers?|e164|extension|name|email|code|ref|reference|uri|address|tags?|after)$/i
const PROSE = /(?:^|_)(?:text|summary|transcript|reason|message|description|checksum|value)$/i
const OF_A_VOCABULARY = /^[a-z][a-z0-9_]{0,31}$/
const TIME_LINK_OR_MEASURE = /^(?:\d{4}-\d\d-\d\d[T ]|[a-z0-9]+:\/\/|-?\d+\.\d{1,4}$|[a-z]+\/[a-z])/i

/** What the texts of a member are; events have the same members again and again. */
type MemberKind = 'names' | 'prose' | 'other'
const memberKinds = new Map<string, MemberKind>()
const MOST_MEMBER_KINDS = 2_000

function memberKind(name: string): MemberKind {
  const known = memberKinds.get(name)
  if (known) return known
  const kind = PROSE.test(name) ? 'prose' : NAMES.test(name) ? 'names' : 'other'
  if (memberKinds.size < MOST_MEMBER_KINDS) memberKinds.set(name, kind)
  return kind
}

/** Words of a vocabulary, times, links, measures and prose name nothing. */
function isNaming(name: string, text: string): boolean {
  const kind = memberKind(name)
  if (kind === 'prose' || (kind === 'other' && OF_A_VOCABULARY.test(text))) return false
  return !TIME_LINK_OR_MEASURE.test(text)
}
