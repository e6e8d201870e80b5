// The quick way to form headers. Nearly all of them have the form of the headers before them: then each value is compared with
// its part of that form, and what differs is packed. Headers that do not fit are formed by header-form.ts. Promise: what fits
// is read back to the byte (readFormed), like everything else that is formed.

import { byteAt, writeUuid } from '../values/hex.ts'
import { type AttemptFacts, type Headers, type Slot, secondOf, valueOfFact } from './header-form.ts'

/** Values are packed here and then copied. Headers with more of them do not fit. */
const packed = Buffer.alloc(4_096)
const NONE = 255
/** The value of each digit of base64, by the code of its character. */
const BASE64 = new Uint8Array(128).fill(NONE)
for (const [value, digit] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries())
  BASE64[digit.charCodeAt(0)] = value

/** The packed values of headers that have the form with these slots. null: they do not fit. */
export function fitTo(slots: readonly Slot[], headers: Headers, facts?: AttemptFacts): Buffer | null {
  if (headers.length !== slots.length) return null
  let end = 0
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i]!
    const header = headers[i]!
    if (header[0] !== slot[0]) return null
    end = put(slot, header[1], end, facts)
    if (end < 0) return null
  }
  const values = Buffer.allocUnsafe(end)
  packed.copy(values, 0, 0, end)
  return values
}

/** Packs a value at `at`. Returns where the next one goes; less than 0: the value does not fit. */
function put(slot: Slot, value: string, at: number, facts: AttemptFacts | undefined): number {
  const kind = slot[1]
  const constant = slot[2] ?? ''
  switch (kind) {
    case 'is':
      return value === constant ? at : -1
    case 'hex':
      return value.startsWith(constant) ? putHex(value, constant.length, at) : -1
    case 'base64':
      return value.startsWith(constant) ? putBase64(value, constant.length, at) : -1
    case 'uuid':
      return at + 16 <= packed.length && writeUuid(packed, value, at) ? at + 16 : -1
    case 'date':
      return putDate(value, at)
    case 'text':
      return putText(value, at)
    default:
      return facts && value === valueOfFact(kind, facts) ? at : -1
  }
}

function putHex(value: string, from: number, at: number): number {
  if (value.length !== from + 64 || at + 32 > packed.length) return -1
  for (let i = from; i < value.length; i += 2) {
    const byte = byteAt(value, i)
    if (byte < 0) return -1
    packed[at++] = byte
  }
  return at
}

/** 32 bytes: 43 digits, the last of which has two bits that no byte has, and a filler. */
function putBase64(value: string, from: number, at: number): number {
  if (value.length !== from + 44 || !value.endsWith('=') || at + 32 > packed.length) return -1
  let bits = 0
  let held = 0
  for (let i = from; i < value.length - 1; i++) {
    const digit = BASE64[value.charCodeAt(i)] ?? NONE
    if (digit === NONE) return -1
    bits = (bits << 6) | digit
    held += 6
    if (held < 8) continue
    held -= 8
    packed[at++] = bits >> held
    bits &= (1 << held) - 1
  }
  return bits === 0 ? at : -1
}

function putDate(value: string, at: number): number {
  const second = secondOf(value)
  return second === null || at + 4 > packed.length ? -1 : packed.writeUInt32BE(second, at)
}

function putText(value: string, at: number): number {
  const bytes = Buffer.byteLength(value)
  if (at + 2 + bytes > packed.length) return -1
  const from = packed.writeUInt16BE(bytes, at)
  return from + packed.write(value, from)
}
