// What a client accepts, as its `Accept` and `Accept-Encoding` headers say it (RFC 9110, 12.4 and 12.5): members with
// quality values, in any case, wildcards counted behind what is named.

import { remembering } from '../../domain/values/remembering.ts'

export const JSON_TYPE = 'application/json'
export const GRAPHQL_RESPONSE_TYPE = 'application/graphql-response+json'
export const EVENT_STREAM_TYPE = 'text/event-stream'

/** `value` in lower case; `q` from 0 to 1; `parameters` by lower-case name, without `q`. */
type Member = { readonly value: string; readonly q: number; readonly parameters: ReadonlyMap<string, string> }

/** In the order of what they tell: in the first, an error keeps its status and its code. */
const REPLY_TYPES = [GRAPHQL_RESPONSE_TYPE, JSON_TYPE, EVENT_STREAM_TYPE] as const

/** A client sends the same header with every request. */
const MOST_HEADERS = 200

/**
 * The media type for a reply that the client likes best; null when it accepts none. Of types that it likes equally, one
 * that it names, and of those the one that tells most; where it names none, JSON. Without a header everything is accepted.
 */
export const preferredType = remembering(MOST_HEADERS, (accept: string | undefined) => {
  const members = readMembers(accept || '*/*').filter(isUtf8)
  const rankOf = ({ offer, isNamed }: Liking<string>) => (isNamed ? 0 : offer === JSON_TYPE ? 1 : 2)
  const likings = REPLY_TYPES.map((type) =>
    likingOf(type, members, ({ value }) => {
      if (value === type) return 2
      if (value === `${type.slice(0, type.indexOf('/'))}/*`) return 1
      return value === '*/*' ? 0 : null
    }),
  )
  return mostLiked(likings.toSorted((a, b) => rankOf(a) - rankOf(b)))
})

/** Whether the client names this media type, and does not refuse it. A wildcard names nothing. */
export function namesType(accept: string | undefined, type: string): boolean {
  return readMembers(accept ?? '').some((member) => member.value === type && member.q > 0 && isUtf8(member))
}

/**
 * The offered content coding that the client likes best, of equals the one that is offered first; null: send the reply
 * as it is.
 */
export function preferredCoding<Coding extends string>(
  acceptEncoding: string | undefined,
  offered: readonly Coding[],
): Coding | null {
  const members = readMembers(acceptEncoding ?? '')
  const asItIs = members.find(({ value }) => value === 'identity')?.q ?? 0
  const likings = offered.map((coding) =>
    likingOf(coding, members, ({ value }) => {
      if (value === coding || value === `x-${coding}`) return 2
      return value === '*' ? 0 : null
    }),
  )
  return mostLiked(likings.filter(({ q }) => q >= asItIs))
}

/** How much a client likes an offer: `q` is 0 when it does not accept it. */
type Liking<Offer> = { readonly offer: Offer; readonly q: number; readonly isNamed: boolean }

/** The most exact member that speaks of an offer decides. `closeness`: 2 names it, less is a wildcard, null is another. */
function likingOf<Offer extends string>(
  offer: Offer,
  members: readonly Member[],
  closeness: (member: Member) => 2 | 1 | 0 | null,
): Liking<Offer> {
  let spoken: { q: number; close: number } | null = null
  for (const member of members) {
    const close = closeness(member)
    if (close !== null && (!spoken || close > spoken.close)) spoken = { q: member.q, close }
  }
  return { offer, q: spoken?.q ?? 0, isNamed: spoken?.close === 2 }
}

/** Of equals the first. */
function mostLiked<Offer>(likings: readonly Liking<Offer>[]): Offer | null {
  let chosen: Liking<Offer> | null = null
  for (const liking of likings) if (liking.q > (chosen?.q ?? 0)) chosen = liking
  return chosen?.offer ?? null
}

/** Replies are UTF-8: a type that is asked for in another charset is not offered. */
function isUtf8({ parameters }: Member): boolean {
  const charset = parameters.get('charset')
  return charset === undefined || /^utf-?8$/i.test(charset)
}

// A member's parts, where commas and semicolons within quotes separate nothing.
const LIST = /(?:"(?:\\.|[^"\\])*"|[^,"])+/g
const PARTS = /(?:"(?:\\.|[^"\\])*"|[^;"])+/g

function readMembers(header: string): Member[] {
  return (header.match(LIST) ?? []).flatMap((text) => {
    const [value = '', ...rest] = (text.match(PARTS) ?? []).map((part) => part.trim())
    if (value === '') return []
    let q = 1
    const parameters = new Map<string, string>()
    for (const part of rest) {
      const at = part.indexOf('=')
      const name = (at < 0 ? part : part.slice(0, at)).trim().toLowerCase()
      const given =
        at < 0
          ? ''
          : part
              .slice(at + 1)
              .trim()
              .replace(/^"|"$/g, '')
      if (name === 'q') q = readQuality(given)
      else parameters.set(name, given)
    }
    return [{ value: value.toLowerCase(), q, parameters }]
  })
}

/** A quality value; what is none counts as 1, as if it were not there. */
function readQuality(text: string): number {
  const q = /^\d(\.\d*)?$|^\.\d+$/.test(text) ? Number(text) : 1
  return Math.min(1, q)
}
