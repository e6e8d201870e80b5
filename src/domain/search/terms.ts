// The terms of an event: its numbers, ids, names, addresses and other short texts, each in one spelling. The index holds them for
// as long as the event is kept, so a text keeps its terms in every release: a later one may add some (decision 39).
//
// Every event that is stored comes through here. Most texts are short and in ASCII, so one walk over the characters of a text
// tells which of the dearer looks can find something in it.

import { publicTail } from '../values/id.ts'
import { FEWEST_DIGITS, FIRST_READER, plainNumber, telephoneDigits } from './phone-number.ts'

/** What does not fit is not found: an event has so many terms at most. */
export const MAX_TERMS = 64
/** Longer texts are prose: a transcript, a summary. */
const MAX_TEXT_LENGTH = 120
const MOST_TEXTS = 1_000
/** How many characters of a long id the console shows, and how many digits of a number all its spellings share. */
export const TAIL = 8
const SHARED_DIGITS = 7
export const SHORTEST_WORD = 2

/** `deliveryTails`: the last ten hexadecimal digits of the database id of each delivery. `data`: null after its retention time. */
export type SearchedEvent = {
  readonly id: string
  readonly subject: string | null
  readonly data: unknown
  readonly deliveryTails: readonly string[]
}

/** The terms of an event, once each, at most MAX_TERMS. */
export function termsOfEvent({ id, subject, data, deliveryTails }: SearchedEvent): string[] {
  const terms = new Set<string>()
  terms.add(publicTail(id))
  if (subject !== null) addTerms(terms, subject, traitsOf(subject))
  for (const tail of deliveryTails) terms.add(publicTail(tail))
  forEachText(data, (text, kind) => {
    if (kind === 'prose' || (kind === 'other' && OF_A_VOCABULARY.test(text))) return true
    const traits = traitsOf(text)
    if ((traits & (MARK | BEYOND_ASCII)) === 0 || !TIME_LINK_OR_MEASURE.test(text)) addTerms(terms, text, traits)
    return terms.size < MAX_TERMS
  })
  const all = [...terms]
  return all.length > MAX_TERMS ? all.slice(0, MAX_TERMS) : all
}

/** The term of a telephone number, from its significant digits. */
export const numberTerm = (digits: string): string => `#${digits.slice(-SHARED_DIGITS)}`
export const tailOf = (id: string): string => id.slice(-TAIL).toLowerCase()

/** As `shortId` of the console has it: one that is shown by its end. An address ends like many others. */
export const isLongId = (word: string): boolean =>
  word.length > 13 && word.length - word.indexOf('_') > 13 && /\d/.test(word) && !word.includes('@')

export const BETWEEN_WORDS = /[\s,;|"'<>()[\]{}]+/

/** The words of a text, in lower case and without accents: Zoë is zoe. */
export function wordsOf(text: string): string[] {
  const words: string[] = []
  eachWord(text, traitsOf(text), (word) => words.push(word))
  return words
}

/** Every short text in the data of an event, and numbers that people may know something by; nearest to the top first. */
export function textsIn(data: unknown): string[] {
  const texts: string[] = []
  forEachText(data, (text) => texts.push(text) > 0)
  return texts
}

// What the characters of a text are, a bit each.
const DIGIT = 1
/** Stands between words. */
const SEPARATOR = 2
const UPPER = 4
/** Stands at the edges of words and is no part of them. */
const EDGE = 8
/** One of these is in every time, link and measure. */
const MARK = 16
/** Stands before or around the number in an address. */
const BEFORE_NUMBER = 32
/** Stands behind the number in an address. */
const BEHIND_NUMBER = 64
/** Is in no number. */
const IN_NO_NUMBER = 128
const BEYOND_ASCII = 256
/** Digits enough for the number of a telephone. */
const MANY_DIGITS = 512

const TRAITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code)
  return (
    (/\d/.test(char) ? DIGIT : 0) |
    (BETWEEN_WORDS.test(char) ? SEPARATOR : 0) |
    (/[A-Z]/.test(char) ? UPPER : 0) |
    (/[.:!?-]/.test(char) ? EDGE : 0) |
    (/[-./]/.test(char) ? MARK : 0) |
    (/[<>:%]/.test(char) ? BEFORE_NUMBER : 0) |
    (/[@;]/.test(char) ? BEHIND_NUMBER : 0) |
    // The letters are those of an extension (x, ext, extn, extension, anexo, int, interno) and of the pauses p and w.
    (/[\d\s().~/+,#*=<>@;:%aeinoprstwx-]/i.test(char) ? 0 : IN_NO_NUMBER)
  )
})

function traitsOf(text: string): number {
  let traits = 0
  let digits = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const each = code < 128 ? TRAITS[code]! : BEYOND_ASCII
    traits |= each
    digits += each & DIGIT
  }
  return digits >= FEWEST_DIGITS ? traits | MANY_DIGITS : traits
}

function addTerms(terms: Set<string>, text: string, traits: number): void {
  const digits = mayBeNumber(text, traits) ? telephoneDigits(text) : ''
  if (digits !== '') {
    terms.add(numberTerm(digits))
    // "Maya" <sip:+442079460958@sbc.example.com> has a name beside its number. What the first reader takes for no number keeps its words.
    if (!text.includes('<') && telephoneDigits(text, FIRST_READER) !== '') return
  }
  const add = (word: string) => terms.add(isLongId(word) ? tailOf(word) : word)
  eachWord(text, traits, add)
  if (traits & BEFORE_NUMBER && /^(?:tel|sips?|client):/i.test(text))
    for (const word of wordsOf(plainNumber(text, FIRST_READER))) add(word)
}

/** False: it is none. */
function mayBeNumber(text: string, traits: number): boolean {
  if (traits & BEYOND_ASCII) return true
  if ((traits & MANY_DIGITS) === 0) return false
  if (traits & BEFORE_NUMBER) return true
  if (traits & BEHIND_NUMBER) {
    const before = text.slice(0, text.search(/[@;]/))
    return mayBeNumber(before, traitsOf(before))
  }
  return (traits & IN_NO_NUMBER) === 0
}

function eachWord(text: string, traits: number, use: (word: string) => void): void {
  if (traits & BEYOND_ASCII) {
    for (const part of text.toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '').split(BETWEEN_WORDS)) {
      const word = part.replace(/^[.:!?…-]+|[.:!?…-]+$/g, '')
      if (word.length >= SHORTEST_WORD) use(word)
    }
    return
  }
  const folded = traits & UPPER ? text.toLowerCase() : text
  if ((traits & (SEPARATOR | EDGE)) === 0) {
    if (folded.length >= SHORTEST_WORD) use(folded)
    return
  }
  for (let from = 0; from < folded.length; ) {
    let to = from
    while (to < folded.length && (traitsAt(folded, to) & SEPARATOR) === 0) to++
    const next = to + 1
    while (from < to && traitsAt(folded, from) & EDGE) from++
    while (from < to && traitsAt(folded, to - 1) & EDGE) to--
    if (to - from >= SHORTEST_WORD) use(folded.slice(from, to))
    from = next
  }
}

const traitsAt = (text: string, at: number): number => TRAITS[text.charCodeAt(at)]!

/** Calls `use` with each text of `textsIn` and what the member that has it is for, until it returns false. */
function forEachText(data: unknown, use: (text: string, kind: MemberKind) => boolean): void {
  // The values that are still to be looked into, level by level, and the names of their members.
  const names = ['']
  const values = [data]
  let endOfLevel = 1
  let found = 0
  for (let at = 0; at < values.length; at++) {
    if (at === endOfLevel) {
      if (found >= MOST_TEXTS) return
      endOfLevel = values.length
    }
    const name = names[at]!
    const value = values[at]
    if (typeof value === 'string') {
      if (value.length > MAX_TEXT_LENGTH) continue
      found++
      if (!use(value, memberOf(name).kind)) return
    } else if (Array.isArray(value)) {
      for (const each of value) {
        names.push(name)
        values.push(each)
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const member of Object.keys(value)) {
        names.push(member)
        values.push((value as Record<string, unknown>)[member])
      }
    } else if (typeof value === 'number') {
      const { kind, isNumbered } = memberOf(name)
      if (!isNumbered) continue
      found++
      if (!use(String(value), kind)) return
    }
  }
}

const NAMES = /(?:^|_)(?:ids?|numbers?|e164|extension|name|email|code|ref|reference|uri|address|tags?|after)$/i
const PROSE = /(?:^|_)(?:text|summary|transcript|reason|message|description|checksum|value)$/i
const NUMBERED = /(?:^|_)(?:id|number|ref|reference|code)$/i
const OF_A_VOCABULARY = /^[a-z][a-z0-9_]{0,31}$/
const TIME_LINK_OR_MEASURE = /^(?:\d{4}-\d\d-\d\d[T ]|[a-z0-9]+:\/\/|-?\d+\.\d{1,4}$|[a-z]+\/[a-z])/i

/** Words of a vocabulary, times, links, measures and prose name nothing. */
type MemberKind = 'names' | 'prose' | 'other'
/** `isNumbered`: people may know something by the numbers that it has. */
type Member = { readonly kind: MemberKind; readonly isNumbered: boolean }
/** Events have the same members again and again. */
const members = new Map<string, Member>()
const MOST_MEMBERS = 2_000

function memberOf(name: string): Member {
  const known = members.get(name)
  if (known) return known
  const member: Member = {
    kind: PROSE.test(name) ? 'prose' : NAMES.test(name) ? 'names' : 'other',
    isNumbered: NUMBERED.test(name),
  }
  if (members.size < MOST_MEMBERS) members.set(name, member)
  return member
}
