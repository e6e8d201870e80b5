// The parts of DER (ITU-T X.690) that a certificate needs. The functions do not check their arguments.

import { isIPv4 } from 'node:net'

function form(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const length: number[] = []
  if (content.length < 0x80) length.push(content.length)
  else {
    for (let rest = content.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff)
    length.unshift(0x80 | length.length)
  }
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

export const sequence = (...items: readonly Buffer[]) => form(0x30, ...items)
export const set = (...items: readonly Buffer[]) => form(0x31, ...items)
export const octetString = (bytes: Buffer) => form(0x04, bytes)
export const utf8String = (text: string) => form(0x0c, Buffer.from(text, 'utf8'))
export const boolean = (value: boolean) => form(0x01, Buffer.from([value ? 0xff : 0]))
/** The lowest `unusedBits` bits of the last byte do not count. */
export const bitString = (bytes: Buffer, unusedBits = 0) => form(0x03, Buffer.from([unusedBits]), bytes)
/** A number below 0x80, or bytes of which the first is below 0x80. */
export const integer = (value: number | Buffer) => form(0x02, typeof value === 'number' ? Buffer.from([value]) : value)
export const explicit = (number: number, item: Buffer) => form(0xa0 | number, item)
export const implicit = (number: number, content: Buffer) => form(0x80 | number, content)

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const part of rest) {
    const groups = [part & 0x7f]
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return form(0x06, Buffer.from(bytes))
}

/** UTCTime until 2049, GeneralizedTime afterwards, as RFC 5280 requires. */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
  return date.getUTCFullYear() < 2050 ? form(0x17, Buffer.from(digits.slice(2))) : form(0x18, Buffer.from(digits))
}

/** The 4 or 16 bytes of an IP address. */
export function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::')
  const groups = (text: string | undefined) => (text ? text.split(':') : [])
  const missing = 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...(tail === undefined ? [] : Array(missing).fill('0')), ...groups(tail)]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
