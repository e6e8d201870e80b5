// What a client accepts, as its `Accept` and `Accept-Encoding` headers say it (RFC 9110, 12.4 and 12.5): members with
// quality values, in any case, wildcards counted behind what is named.

export const JSON_TYPE = 'application/json'
export const GRAPHQL_RESPONSE_TYPE = 'application/graphql-response+json'
export const EVENT_STREAM_TYPE = 'text/event-stream'

/** `value` in lower case; `q` from 0 to 1; `parameters` by lower-case name, without `q`. */
type Member = {
  readonly value: string
  readonly q: number
  readonly parameters: ReadonlyMap<string, string>
  /** Of two members with the same `q`, the client likes the one in front better. */
  readonly position: number
}

/**
 * The offered media type that the client likes best; null when it accepts none. Of types that it likes equally, the one it
 * names first; of types that it does not name, the one that is offered first. Without a header everything is accepted.
 */
export function preferredType<Type extends string>(accept: string | undefined, offered: readonly Type[]): Type | null {
  const members = readMembers(accept || '*/*').filter(isUtf8)
  return best(offered, members, ({ value }, type) => {
    if (value === type) return 2
    if (value === `${type.slice(0, type.indexOf('/'))}/*`) return 1
    return value === '*/*' ? 0 : null
  })
}

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
  // The order of codings says nothing, so a member is as good wherever it stands.
  const members = readMembers(acceptEncoding ?? '').map((member) => ({ ...member, position: 0 }))
  const asItIs = members.find(({ value }) => value === 'identity')?.q ?? 0
  const wanted = members.filter(({ value, q }) => value === '*' || q === 0 || q >= asItIs)
  return best(offered, wanted, ({ value }, coding) => {
    if (value === coding || value === `x-${coding}`) return 1
    return value === '*' ? 0 : null
  })
}

/** `closeness` is higher the more exactly a member speaks of an offer; null: not at all. */
function best<Offer extends string>(
  offered: readonly Offer[],
  members: readonly Member[],
  closeness: (member: Member, offer: Offer) => number | null,
): Offer | null {
  let chosen: { offer: Offer; q: number; position: number } | null = null
  for (const offer of offered) {
    let spoken: { q: number; position: number; close: number } | null = null
    for (const member of members) {
      const close = closeness(member, offer)
      if (close === null || (spoken && spoken.close >= close)) continue
      spoken = { q: member.q, position: close === 0 ? Number.POSITIVE_INFINITY : member.position, close }
    }
    if (!spoken || spoken.q === 0) continue
    if (chosen && (spoken.q < chosen.q || (spoken.q === chosen.q && spoken.position >= chosen.position))) continue
    chosen = { offer, q: spoken.q, position: spoken.position }
  }
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
  return (header.match(LIST) ?? []).flatMap((text, position) => {
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
    return [{ value: value.toLowerCase(), q, parameters, position }]
  })
}

/** A quality value; what is none counts as 1, as if it were not there. */
function readQuality(text: string): number {
  const q = /^\d(\.\d*)?$|^\.\d+$/.test(text) ? Number(text) : 1
  return Math.min(1, q)
}
