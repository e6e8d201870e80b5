// The headers of attempts, without what is the same in many of them. A form has the names in their order and the values that
// stay; it is stored once. An attempt has only the values that differ, packed, and what follows from its other columns is in
// neither. Promise: what is read is what was written, to the byte.

export type Headers = readonly (readonly [name: string, value: string])[]

/** What the columns of an attempt and of its delivery say of its request. */
export type AttemptFacts = {
  readonly eventId: string
  readonly eventType: string
  readonly deliveryId: string
  readonly number: number
  readonly startedAt: Date
}

/** `slots`: the form, `text`: the form as it is stored. `values`: the rest, in the order of the form. */
export type Formed = { readonly slots: readonly Slot[]; readonly text: string; readonly values: Buffer }

/** A header of a form: its name, how its value is found, and the part of it that stays. */
export type Slot = readonly [name: string, kind: Kind, constant?: string]
type Kind = 'is' | Fact | Packed
type Fact = 'event' | 'type' | 'delivery' | 'number' | 'second'
/** `hex` and `base64` are 32 bytes after a prefix, `date` is the second of an HTTP date. */
type Packed = 'hex' | 'base64' | 'uuid' | 'date' | 'text'

const HEX = /^[0-9a-f]{64}$/
const BASE64 = /^[A-Za-z0-9+/]{43}=$/
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The headers of a request. */
export function formRequest(headers: Headers, facts: AttemptFacts): Formed {
  const factOf = new Map(FACTS.map((fact) => [valueOfFact(fact, facts), fact]))
  return form(headers, (name, value) => {
    const fact = name.toLowerCase() === 'content-type' ? undefined : factOf.get(value)
    if (fact) return [name, fact]
    if (name.toLowerCase() === 'traceparent') return [name, 'text']
    return packedSlot(name, value) ?? [name, 'is', value]
  })
}

/** The headers of a reply. `differs` tells for which names the value differs from reply to reply. */
export function formReply(headers: Headers, differs: (lowerName: string) => boolean): Formed {
  return form(headers, (name, value) => {
    const packed = packedSlot(name, value)
    if (packed) return packed
    return differs(name.toLowerCase()) ? [name, 'text'] : [name, 'is', value]
  })
}

/** The headers that were formed. `facts` is absent for a reply. Throws where the form and the values do not fit together. */
export function readFormed(text: string, values: Buffer, facts?: AttemptFacts): [name: string, value: string][] {
  let at = 0
  const take = (bytes: number) => {
    if (at + bytes > values.length)
      throw new RangeError(`Expected ${at + bytes} bytes of values, got ${values.length}.`)
    at += bytes
    return values.subarray(at - bytes, at)
  }
  return (JSON.parse(text) as Slot[]).map(([name, kind, constant = '']) => {
    switch (kind) {
      case 'is':
        return [name, constant]
      case 'hex':
        return [name, constant + take(32).toString('hex')]
      case 'base64':
        return [name, constant + take(32).toString('base64')]
      case 'uuid':
        return [
          name,
          take(16)
            .toString('hex')
            .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
        ]
      case 'date':
        return [name, new Date(take(4).readUInt32BE() * 1_000).toUTCString()]
      case 'text':
        return [name, take(take(2).readUInt16BE()).toString('utf8')]
      default:
        if (!facts) throw new TypeError(`Expected the facts of the attempt for ${kind}, got none.`)
        return [name, valueOfFact(kind, facts)]
    }
  })
}

const FACTS: readonly Fact[] = ['event', 'type', 'delivery', 'number', 'second']

/** The value of a header that follows from the columns. */
export function valueOfFact(fact: Fact, { eventId, eventType, deliveryId, number, startedAt }: AttemptFacts): string {
  switch (fact) {
    case 'event':
      return eventId
    case 'type':
      return eventType
    case 'delivery':
      return deliveryId
    case 'number':
      return String(number)
    case 'second':
      return String(Math.floor(startedAt.getTime() / 1_000))
  }
}

const MAX_TEXT_BYTES = 65_535

function form(headers: Headers, slotOf: (name: string, value: string) => Slot): Formed {
  const packed: Buffer[] = []
  const slots = headers.map(([name, value]) => {
    const slot = slotOf(name, value)
    if (slot[1] === 'text' && Buffer.byteLength(value) > MAX_TEXT_BYTES) return [name, 'is', value] as const
    pack(packed, slot, value)
    return slot
  })
  return { slots, text: JSON.stringify(slots), values: Buffer.concat(packed) }
}

function packedSlot(name: string, value: string): Slot | null {
  if (HEX.test(value.slice(-64))) return [name, 'hex', value.slice(0, -64)]
  const base64 = value.slice(-44)
  // The last digit of base64 may carry bits that no byte has.
  if (BASE64.test(base64) && Buffer.from(base64, 'base64').toString('base64') === base64)
    return [name, 'base64', value.slice(0, -44)]
  if (UUID.test(value)) return [name, 'uuid']
  return secondOf(value) === null ? null : [name, 'date']
}

let latestDate = { value: 'none', second: 0 }

/** The Unix second of an HTTP date that is written as we write it; null for every other text. */
export function secondOf(value: string): number | null {
  // Replies of one second have the same date.
  if (value === latestDate.value) return latestDate.second
  if (value.length !== 29 || !value.endsWith(' GMT')) return null
  const ms = Date.parse(value)
  if (!(ms >= 0 && ms < 2 ** 32 * 1_000 && new Date(ms).toUTCString() === value)) return null
  latestDate = { value, second: ms / 1_000 }
  return latestDate.second
}

function pack(into: Buffer[], [, kind, constant = '']: Slot, value: string): void {
  if (kind === 'hex') into.push(Buffer.from(value.slice(constant.length), 'hex'))
  else if (kind === 'base64') into.push(Buffer.from(value.slice(constant.length), 'base64'))
  else if (kind === 'uuid') into.push(Buffer.from(value.replaceAll('-', ''), 'hex'))
  else if (kind === 'date') {
    const second = Buffer.allocUnsafe(4)
    second.writeUInt32BE(secondOf(value)!)
    into.push(second)
  } else if (kind === 'text') {
    const text = Buffer.from(value, 'utf8')
    const length = Buffer.allocUnsafe(2)
    length.writeUInt16BE(text.length)
    into.push(length, text)
  }
}
