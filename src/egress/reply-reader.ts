// What a receiver sends, on its way to undici's parser. Promise: interim replies (1xx), asked for or not, never reach the
// parser. A head that RFC 9110 and RFC 9112 let a client read, but that the parser would refuse, reaches it in the form the
// parser takes. All other bytes pass as they came. Interim replies are bounded in number and in bytes.

import type { Readable } from 'node:stream'

export type ReplyListener = {
  /** The first byte of the final reply came, or of something that is no reply. */
  onFirstByte(): void
  /** More interim replies came, or more of their bytes, than are read. The parser gets nothing of this reply any more. */
  onEndlessInterim(): void
}

/** Interim replies to one request. */
const MAX_INTERIM_REPLIES = 32
/** All interim replies to one request together; and the bytes of a final head that wait for its end. */
const MAX_HEAD_BYTES = 16_384
/** What is kept of something that is no reply, to explain it. */
const OPENING_BYTES = 64

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const COMMA = 0x2c
const HYPHEN = 0x2d
const ONE = 0x31
const COLON = 0x3a
/** Where the first digit of the status stands in "HTTP/1.1 200 OK". */
const STATUS_AT = 9
const VERSION = Buffer.from('HTTP/1.')

/** Reads the replies of one connection. undici takes its bytes by `socket.read()` alone, and this class stands there. */
export class ReplyReader {
  /** The status of the latest interim reply to this request; 0: none came. */
  interimStatus = 0
  /** Whether any byte came after the request. */
  hasAnswered = false
  /** The first bytes (at most 64) of what came instead of a reply; null: a reply came, or nothing did. */
  opening: Buffer | null = null
  /** The head gave two lengths of the body, so this connection must not carry another request. */
  isAmbiguous = false

  /** What makes the head unreadable, where this reader knows it better than the parser. */
  problem: string | null = null

  private readonly listener: ReplyListener
  private isAwaiting = false
  private isTold = false
  /** The part of a head whose end has not come. */
  private held: Buffer | null = null
  private interimCount = 0
  private interimBytes = 0

  constructor(socket: Readable, listener: ReplyListener) {
    this.listener = listener
    const read = socket.read
    socket.read = (size?: number) => {
      for (;;) {
        const chunk: Buffer | null = read.call(socket, size)
        if (chunk === null || !this.isAwaiting) return chunk
        const passed = this.take(chunk)
        if (passed !== null) return passed
      }
    }
  }

  /** A request goes out: what comes from now on is the reply to it. */
  expectReply(): void {
    this.isAwaiting = true
    this.isTold = false
    this.held = null
    this.opening = null
    this.hasAnswered = false
    this.isAmbiguous = false
    this.problem = null
    this.interimStatus = 0
    this.interimCount = 0
    this.interimBytes = 0
  }

  /** What the parser gets of it now; null: nothing yet. */
  private take(chunk: Buffer): Buffer | null {
    this.hasAnswered = true
    let bytes = chunk
    if (this.held !== null) {
      bytes = Buffer.concat([this.held, chunk])
      this.held = null
      if (bytes.length < MAX_HEAD_BYTES && !chunk.includes(LF)) return this.hold(bytes)
    }
    for (;;) {
      bytes = withoutEmptyLines(bytes)
      if (bytes.length === 0) return null
      if (!startsAsReply(bytes)) {
        this.opening = Buffer.from(bytes.subarray(0, OPENING_BYTES))
        return this.pass(bytes)
      }
      const isInterim = bytes[STATUS_AT] === ONE
      const { end, isPlain } = scanHead(bytes)
      if (end === -1) {
        if (bytes.length < MAX_HEAD_BYTES) return this.hold(bytes)
        return isInterim ? this.refuse() : this.pass(bytes)
      }
      if (!isInterim) return this.pass(isPlain ? bytes : this.mend(bytes, end))
      const status = Number(bytes.toString('latin1', STATUS_AT, STATUS_AT + 3))
      // What follows a 101 is another protocol, which we did not ask for: the parser refuses it.
      if (status === 101) return this.pass(bytes)
      this.interimStatus = status
      this.interimBytes += end
      if (++this.interimCount > MAX_INTERIM_REPLIES || this.interimBytes > MAX_HEAD_BYTES) return this.refuse()
      bytes = bytes.subarray(end)
    }
  }

  private pass(bytes: Buffer): Buffer {
    this.tellFirstByte()
    this.isAwaiting = false
    return bytes
  }

  private hold(bytes: Buffer): null {
    if (bytes.length > STATUS_AT && bytes[STATUS_AT] !== ONE) this.tellFirstByte()
    this.held = bytes
    return null
  }

  private refuse(): null {
    this.listener.onEndlessInterim()
    return null
  }

  private tellFirstByte(): void {
    if (this.isTold) return
    this.isTold = true
    this.listener.onFirstByte()
  }

  private mend(bytes: Buffer, end: number): Buffer {
    const { head, isAmbiguous, problem } = mendHead(bytes.toString('latin1', 0, end))
    this.isAmbiguous = isAmbiguous
    this.problem = problem
    return Buffer.concat([Buffer.from(head, 'latin1'), bytes.subarray(end)])
  }
}

/** RFC 9112 §2.2: empty lines before a message are skipped. */
function withoutEmptyLines(bytes: Buffer): Buffer {
  let start = 0
  while (start < bytes.length && (bytes[start] === CR || bytes[start] === LF)) start++
  return start === 0 ? bytes : bytes.subarray(start)
}

/** Whether the bytes, as far as they go, begin like the status line of HTTP/1.0 or HTTP/1.1. */
function startsAsReply(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, VERSION.length)
  for (let index = 0; index < length; index++) if (bytes[index] !== VERSION[index]) return false
  return true
}

/**
 * `end`: where the body begins; -1: the head goes on. `isPlain`: the parser takes it as it is. One pass over the bytes,
 * because every reply comes through here.
 */
function scanHead(bytes: Buffer): { end: number; isPlain: boolean } {
  let isPlain = true
  let lengths = 0
  let isInName = false
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]
    if (byte === COLON && isInName) {
      isInName = false
      const last = bytes[index - 1]
      if (last === SPACE || last === TAB) isPlain = false
    } else if (byte === LF) {
      if (bytes[index - 1] !== CR) isPlain = false
      const next = bytes[index + 1]
      if (next === CR && bytes[index + 2] === LF) return { end: index + 3, isPlain }
      if (next === LF) return { end: index + 2, isPlain: false }
      if (next === SPACE || next === TAB) isPlain = false
      else if (tellsLength(bytes, index + 1)) {
        if (++lengths > 1 || hasComma(bytes, index + 1)) isPlain = false
      }
      isInName = true
    }
  }
  return { end: -1, isPlain }
}

/** Whether a line begins with `content-length` or `transfer-encoding`; told by their hyphens and the letters beside them. */
function tellsLength(bytes: Buffer, at: number): boolean {
  const first = bytes[at]! | 0x20
  if (first === 0x63)
    return bytes[at + 7] === HYPHEN && (bytes[at + 8]! | 0x20) === 0x6c && (bytes[at + 9]! | 0x20) === 0x65
  return first === 0x74 && bytes[at + 8] === HYPHEN && (bytes[at + 9]! | 0x20) === 0x65
}

function hasComma(bytes: Buffer, at: number): boolean {
  for (let index = at; index < bytes.length && bytes[index] !== LF; index++) if (bytes[index] === COMMA) return true
  return false
}

/**
 * A head as the parser takes it: lines that end in CR LF, folded lines joined (RFC 9112 §5.2), no space before a colon
 * (§5.1), equal lengths said once (RFC 9110 §8.6), no length beside a transfer coding (RFC 9112 §6.3). Lengths that differ
 * stay for the parser to refuse. Latin-1 in and out.
 */
function mendHead(head: string): { head: string; isAmbiguous: boolean; problem: string | null } {
  const [statusLine = '', ...lines] = head.replace(/\r?\n(?:\r?\n)?$/, '').split(/\r?\n/)
  const fields: string[] = []
  for (const line of lines) {
    if (/^[\t ]/.test(line) && fields.length > 0) fields.push(`${fields.pop()!.trimEnd()} ${line.trim()}`)
    else fields.push(line.replace(/^([^:\s]+)[\t ]+:/, '$1:'))
  }
  const isCoded = fields.some((field) => /^transfer-encoding:.*\bchunked[\t ]*$/i.test(field))
  const lengthFields = fields.filter(isLength)
  const lengths = new Set(lengthFields.flatMap((field) => textOf(field).split(/[\t ]*,[\t ]*/)))
  const isOneLength = lengths.size === 1
  let isLengthSaid = false
  const kept = fields.flatMap((field) => {
    if (!isLength(field)) return isIdentity(field) ? [] : [field]
    if (isCoded || (isOneLength && isLengthSaid)) return []
    isLengthSaid = true
    return isOneLength ? [`${nameOf(field)}: ${[...lengths][0]}`] : [field]
  })
  return {
    head: `${[statusLine, ...kept].join('\r\n')}\r\n\r\n`,
    isAmbiguous: isCoded && lengthFields.length > 0,
    problem:
      !isCoded && lengths.size > 1 ? `its Content-Length is both ${[...lengths].slice(0, 2).join(' and ')}` : null,
  }
}

function isLength(field: string): boolean {
  return /^content-length:/i.test(field)
}

/** A coding that changes nothing, and that RFC 9112 no longer has. */
function isIdentity(field: string): boolean {
  return /^transfer-encoding:[\t ]*identity[\t ]*$/i.test(field)
}

function nameOf(field: string): string {
  return field.slice(0, field.indexOf(':'))
}

function textOf(field: string): string {
  return field.slice(field.indexOf(':') + 1).trim()
}
