// What a search in events finds. An event has terms (terms.ts). A search has readings, each with tokens; an event matches if it has the
// term of every token of a reading. The index (gateway/search) holds the terms. Most searches have one reading: a second one is for
// events that an earlier release put into the index, where that read the numbers of the search in another way (decision 39).

import { fromPublicId } from '../values/id.ts'
import {
  BEHIND,
  FIRST_READER,
  isSameNumber,
  NEWEST_READER,
  type NumberReader,
  telephoneDigits,
} from './phone-number.ts'
import {
  BETWEEN_WORDS,
  isLongId,
  numberTerm,
  type SearchedEvent,
  SHORTEST_WORD,
  TAIL,
  tailOf,
  textsIn,
  wordsOf,
} from './terms.ts'

const MAX_SEARCH_LENGTH = 200
const MAX_TOKENS = 6

/** A term that an event must have. The term tells the end of a number or long id; `whole` is then all of it. */
export type SearchToken = {
  readonly term: string
  readonly whole: { readonly kind: 'number' | 'word'; readonly text: string } | null
}

/** One way to read a search: an event must have all of its tokens. */
export type SearchReading = readonly SearchToken[]

/** What a search asks for: one reading or more that differ. A text says what is wrong with it. */
export function readSearch(text: string): readonly SearchReading[] | string {
  if (text.length > MAX_SEARCH_LENGTH)
    return `expected at most ${MAX_SEARCH_LENGTH} characters, got ${text.length}; search for fewer words`
  const tokens = tokensIn(text, NEWEST_READER)
  if (tokens.length === 0)
    return `expected a number, an id or its last ${TAIL} characters, a name or an address, of ${SHORTEST_WORD} characters or more; got ${JSON.stringify(text)}`
  if (tokens.length > MAX_TOKENS) return `expected at most ${MAX_TOKENS} words, got ${tokens.length}; leave some out`
  const asFirst = tokensIn(text, FIRST_READER)
  return asFirst.length <= MAX_TOKENS && JSON.stringify(asFirst) !== JSON.stringify(tokens)
    ? [tokens, asFirst]
    : [tokens]
}

/** Whether an event that has the terms of a reading also has its numbers and long ids as a whole. */
export function hasWhole(tokens: SearchReading, { subject, data }: Pick<SearchedEvent, 'subject' | 'data'>) {
  if (tokens.every(({ whole }) => whole === null)) return true
  const texts = [...(subject === null ? [] : [subject]), ...textsIn(data)]
  return tokens.every(({ whole }) => {
    if (whole === null) return true
    if (whole.kind === 'number') return texts.some((text) => isSameNumber(whole.text, text))
    return texts.some((text) => wordsOf(text).includes(whole.text))
  })
}

const DIGIT = String.raw`[\d\u0660-\u0669\u06f0-\u06f9\uff10-\uff19]`
const NUMBERS_WITHIN = BEHIND.map(
  (behind) =>
    new RegExp(
      String.raw`\p{Cf}*(?:(?:tel|sips?):)?(?:\+|\uff0b|%2b)?\(?${DIGIT}(?:${DIGIT}|[\s\p{Pd}\p{Cf}\u2212().~/])*${DIGIT}` +
        String.raw`(?:${behind})?(?:[@;][^\s<>]+)?\p{Cf}*`,
      'giu',
    ),
)
/** The shortened form in which the console shows ids: evt_…4tynabcd. */
const SHORTENED = /(?:[a-z]+_)?(?:…|\.\.\.)/gi

function tokensIn(text: string, reader: NumberReader): SearchToken[] {
  const tokens: SearchToken[] = []
  const rest = text.replace(NUMBERS_WITHIN[reader]!, (found, at: number) => {
    const isPartOfWord = !BETWEEN_WORDS.test(text[at - 1] ?? ' ') || !BETWEEN_WORDS.test(text[at + found.length] ?? ' ')
    const digits = isPartOfWord ? '' : telephoneDigits(found, reader)
    if (digits === '') return found
    tokens.push({ term: numberTerm(digits), whole: { kind: 'number', text: found.trim() } })
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
