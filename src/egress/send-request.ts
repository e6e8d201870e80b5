// One signed POST. Promise: `send` never throws and never takes longer than the deadline, which covers everything
// (waiting for a free connection, DNS, connect, TLS, request, the whole reply); it follows no redirect, unpacks
// nothing, keeps at most 16 KiB of the reply, and only ever talks to addresses that were checked (guarded-connect.ts).
//
// A request that was written to a kept-alive connection at the moment the receiver closed it is sent once more, on a
// new connection and within the same deadline. That is safe because delivery is at least once and the event id is the
// same: a receiver that did get the first one recognises the second. Without it, every idle time-out of a receiver
// would cost a retry and five seconds.

import type { TLSSocket } from 'node:tls'
import { Client, type Dispatcher, Pool } from 'undici'
import { addressOf } from '../domain/endpoint-url.ts'
import type { Network } from '../domain/network-address.ts'
import type { Failure, Reply, SendResult } from '../domain/outcome.ts'
import { explainSendFailure, isDisconnect } from './explain-failure.ts'
import { type Connector, type ConnectTiming, createConnector } from './guarded-connect.ts'
import { createLookup } from './guarded-lookup.ts'

export type SendStep = 'DNS' | 'CONNECT' | 'TLS' | 'REQUEST_SENT' | 'FIRST_BYTE' | 'DONE'

export type SendRequest = {
  /** An https: URL in the form parseEndpointUrl returned. */
  url: string
  /** Name, value, name, value, …: sent in this order and case. Host and content-length are added. */
  headers: readonly string[]
  body: Buffer
  /** Milliseconds for this attempt, instead of the sender's `timeoutMs`. */
  deadlineMs?: number
  /** Ends the attempt; its result then has `aborted: true`. */
  signal?: AbortSignal
  /** Told when a step is done, `atMs` after `send` was called; DNS, CONNECT and TLS only when a connection was opened. */
  onStep?: (step: SendStep, atMs: number) => void
}

export type SenderOptions = {
  /** The whole attempt. */
  timeoutMs: number
  allowedNetworks: readonly Network[]
  allowedPorts: readonly number[]
  /** `ip:port` or `ip`; absent or empty: the system's. */
  dnsServers?: readonly string[]
  /** PEM certificates of further authorities. */
  ca?: readonly string[]
  connectionsPerOrigin?: number
  maxReplyBytes?: number
}

export type SenderStats = { inFlight: number; connections: number; origins: number; lookupsInFlight: number }

export type Sender = {
  /** Never rejects: every failure is a SendResult. */
  send(request: SendRequest): Promise<SendResult>
  stats(): SenderStats
  /** Ends what is in the air (as aborted) and closes all connections. */
  close(): Promise<void>
}

const KEEP_ALIVE_MS = 4_000
const KEEP_ALIVE_MAX_MS = 5_000
/** A connection is not used longer than this, so that a receiver's new address is noticed. */
const CONNECTION_AGE_MS = 30_000
/** An origin without attempts for this long has no open connection left. */
const ORIGIN_IDLE_MS = KEEP_ALIVE_MAX_MS + 1_000
const MAX_HEADER_BYTES = 16_384
const MAX_INTERIM_REPLIES = 8
const MAX_REMEMBERED = 1_000
/** A kept-alive connection that dies later than this after the request was written did not die of being idle. */
const CLOSED_AS_WE_SENT_MS = 2_000

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const FRAMING_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const NOT_HTTPS: Failure = { code: 'blocked_address', message: 'Only https: URLs are delivered to.' }
const STOPPING: Failure = { code: 'connection_reset', message: 'The gateway ended the attempt: it is stopping.' }

type Target = { origin: string; hostname: string; path: string }
type Origin = { pool: Pool; inFlight: number; idleSince: number }
type Shared = { connect: Connector; stats: { connections: number }; timeoutMs: number; maxReplyBytes: number }

/** Opens a sender: its connections, its DNS cache and its TLS sessions. */
export function createSender({
  timeoutMs,
  allowedNetworks,
  allowedPorts,
  dnsServers,
  ca,
  connectionsPerOrigin = 64,
  maxReplyBytes = 16_384,
}: SenderOptions): Sender {
  const lookup = createLookup({ servers: dnsServers })
  const connect = createConnector({ lookup, allowedNetworks, allowedPorts, ca })
  const shared: Shared = { connect, stats: { connections: 0 }, timeoutMs, maxReplyBytes }
  const readUrl = createUrlReader()
  const judgeHeaders = createHeaderJudge()
  const origins = new Map<string, Origin>()
  const inFlight = createRoster<Attempt>()
  let closed = false

  function originOf(name: string): Origin {
    const known = origins.get(name)
    if (known) return known
    const pool = new Pool(name, {
      connections: connectionsPerOrigin,
      // Otherwise everything waits for the first connection to tell whether it speaks HTTP/2.
      allowH2: false,
      connect: unused,
      factory: (url) => new SendingClient(url, shared),
    })
    const origin = { pool, inFlight: 0, idleSince: 0 }
    origins.set(name, origin)
    return origin
  }

  // One listener for each signal, not for each attempt: a listener that was removed holds on to those added after it, and
  // through them to their attempts, until the next full collection.
  const heeded = new WeakSet<AbortSignal>()

  function heed(signal: AbortSignal): void {
    if (heeded.has(signal)) return
    heeded.add(signal)
    const abort = () => {
      for (const attempt of inFlight.all()) if (attempt.request.signal === signal) attempt.abort()
    }
    signal.addEventListener('abort', abort, { once: true })
  }

  // One timer watches all attempts with the usual deadline. (One for each would be a tenth of what the gateway itself does
  // for an attempt.)
  let deadlineTimer: NodeJS.Timeout | null = null

  function watchDeadlines(): void {
    deadlineTimer = null
    const now = performance.now()
    let leastMs = Number.POSITIVE_INFINITY
    for (const attempt of inFlight.all()) {
      if (attempt.timer) continue
      const leftMs = attempt.startedAt + timeoutMs - now
      if (leftMs <= 0) attempt.expire()
      else leastMs = Math.min(leastMs, leftMs)
    }
    if (leastMs <= timeoutMs) deadlineTimer = setTimeout(watchDeadlines, Math.ceil(leastMs)).unref()
  }

  const sweeper = setInterval(() => {
    const idleBefore = performance.now() - ORIGIN_IDLE_MS
    for (const [name, { pool, inFlight, idleSince }] of origins) {
      if (inFlight > 0 || idleSince > idleBefore) continue
      origins.delete(name)
      void pool.destroy()
    }
  }, ORIGIN_IDLE_MS)
  sweeper.unref()

  function send(request: SendRequest): Promise<SendResult> {
    return new Promise((resolve) => {
      const url = readUrl(request.url)
      if (!url) return resolve(nothingSent(NOT_HTTPS, false))
      if (closed || request.signal?.aborted) return resolve(nothingSent(STOPPING, true))
      const headerIssue = judgeHeaders(request.headers)
      if (headerIssue) return resolve(nothingSent({ code: 'connect_failed', message: headerIssue }, false))
      const origin = originOf(url.origin)
      if (request.signal) heed(request.signal)
      const attempt: Attempt = new Attempt(request, url, shared, (result) => {
        inFlight.delete(attempt)
        origin.inFlight--
        origin.idleSince = performance.now()
        resolve(result)
      })
      inFlight.add(attempt)
      origin.inFlight++
      if (request.deadlineMs !== undefined) attempt.expireIn(request.deadlineMs)
      else deadlineTimer ??= setTimeout(watchDeadlines, timeoutMs).unref()
      attempt.begin(origin.pool)
    })
  }

  return {
    send,
    stats: () => ({
      inFlight: inFlight.size,
      connections: shared.stats.connections,
      origins: origins.size,
      lookupsInFlight: lookup.stats().inFlight,
    }),
    async close() {
      closed = true
      clearInterval(sweeper)
      if (deadlineTimer) clearTimeout(deadlineTimer)
      for (const attempt of inFlight.all()) attempt.abort()
      const pools = [...origins.values()].map(({ pool }) => pool.destroy())
      origins.clear()
      lookup.close()
      await Promise.all(pools)
    },
  }
}

type Roster<Item> = {
  readonly size: number
  add(item: Item): void
  delete(item: Item): void
  /** Those in it now. */
  all(): Item[]
}

/**
 * Items that come and go all the time. (A Set would leave a chain of its outgrown tables behind, each with what was in it,
 * until the next full collection.)
 */
function createRoster<Item extends { place: number }>(): Roster<Item> {
  const items: Item[] = []
  return {
    get size() {
      return items.length
    },
    add(item) {
      item.place = items.push(item) - 1
    },
    delete(item) {
      const last = items.pop()!
      if (last === item) return
      items[item.place] = last
      last.place = item.place
    },
    all: () => items.slice(),
  }
}

/** One connection of a pool: knows which attempt it works for, and how its socket came to be. */
class SendingClient extends Client {
  attempt: Attempt | null = null
  socket: TLSSocket | null = null
  openedAt = 0
  requestCount = 0
  giveUp = () => {}
  readonly shared: Shared

  constructor(url: URL | string, shared: Shared) {
    super(url, {
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
      connect: (options, callback) => this.open(options, callback),
    })
    this.shared = shared
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.attempt = handler as Attempt
    this.attempt.client = this
    const isOld = this.socket !== null && performance.now() - this.openedAt > CONNECTION_AGE_MS
    return super.dispatch(isOld ? { ...options, reset: true } : options, handler)
  }

  open(
    { hostname, port }: { hostname: string; port: string },
    callback: (...args: [null, TLSSocket] | [Error, null]) => void,
  ): void {
    const { timing, giveUp } = this.shared.connect({
      host: hostname,
      port: port === '' ? 443 : Number(port),
      onStep: (step) => this.attempt?.step(step),
      onDone: (result) => {
        this.giveUp = () => {}
        if ('code' in result) return callback(new NotConnected(result), null)
        this.adopt(result)
        callback(null, result)
      },
    })
    if (this.attempt) this.attempt.connectTiming = timing
    this.giveUp = () => {
      this.giveUp = () => {}
      giveUp()
      callback(new NotConnected({ code: 'timeout', message: 'The connection is no longer wanted.' }), null)
    }
  }

  adopt(socket: TLSSocket): void {
    this.socket = socket
    this.openedAt = performance.now()
    this.requestCount = 0
    this.shared.stats.connections++
    socket.once('close', () => {
      this.shared.stats.connections--
      if (this.socket === socket) this.socket = null
    })
  }
}

/** A connector's failure on its way through undici. */
class NotConnected extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}

/** One attempt from dispatch to result; undici calls its on… methods. */
class Attempt implements Dispatcher.DispatchHandler {
  client: SendingClient | null = null
  readonly request: SendRequest
  readonly shared: Shared
  readonly resolve: (result: SendResult) => void
  readonly options: Dispatcher.DispatchOptions
  readonly origin: string
  readonly hostname: string
  readonly startedAt = performance.now()
  /** Where it stands among those in flight. */
  place = -1
  timer: NodeJS.Timeout | undefined
  controller: Dispatcher.DispatchController | null = null
  lastStep: SendStep | null = null
  connectTiming: ConnectTiming | null = null
  isReused = false
  isResent = false
  isSettled = false
  sentAt = 0
  firstByteAt = 0
  interimReplies = 0
  statusCode = 0
  headers: [string, string][] = []
  chunks: Buffer[] = []
  keptBytes = 0
  bodyTruncated = false

  constructor(request: SendRequest, url: Target, shared: Shared, resolve: (result: SendResult) => void) {
    this.request = request
    this.shared = shared
    this.resolve = resolve
    this.origin = url.origin
    this.hostname = url.hostname
    this.options = {
      path: url.path,
      method: 'POST',
      headers: request.headers as string[],
      body: request.body,
    }
  }

  begin(pool: Pool): void {
    pool.dispatch(this.options, this)
  }

  /** Watches a deadline of its own. */
  expireIn(ms: number): void {
    this.timer = setTimeout(() => this.expire(ms), ms)
  }

  expire(deadlineMs = this.shared.timeoutMs): void {
    const seconds = deadlineMs / 1000
    this.end({ code: 'timeout', message: `No complete reply within ${seconds} s (${waitingFor(this)}).` })
  }

  /** A settled attempt that still stood in a queue is refused here, which leaves the connection as it is. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.isSettled) throw new Error('the attempt is over')
    this.controller = controller
    const { client } = this
    if (!client) return
    this.isReused = client.requestCount++ > 0
    if (this.isReused) this.connectTiming = null
  }

  onRequestSent(): void {
    this.sentAt = performance.now()
    this.step('REQUEST_SENT')
  }

  onResponseStarted(): void {
    if (this.firstByteAt !== 0) return
    this.firstByteAt = performance.now()
    this.step('FIRST_BYTE')
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number): void {
    if (statusCode >= 200) {
      this.statusCode = statusCode
      this.headers = readHeaders(controller.rawHeaders as Buffer[])
    } else if (statusCode === 101 || ++this.interimReplies > MAX_INTERIM_REPLIES) {
      this.end({ code: 'invalid_response', message: 'The receiver sent interim replies that were not asked for.' })
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.isSettled) return
    const room = this.shared.maxReplyBytes - this.keptBytes
    if (room > 0) {
      this.chunks.push(Buffer.from(chunk.length > room ? chunk.subarray(0, room) : chunk))
      this.keptBytes += Math.min(chunk.length, room)
    }
    if (chunk.length > room) {
      this.bodyTruncated = true
      this.end(null)
    }
  }

  onResponseEnd(): void {
    this.settle(null)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.isSettled) return
    if (error instanceof NotConnected) this.settle(error.failure)
    else if (this.wasClosedAsWeSent(error)) this.sendOnceMore()
    else
      this.settle(
        explainSendFailure(error, { firstByteSeen: this.firstByteAt !== 0, headersSeen: this.statusCode !== 0 }),
      )
  }

  wasClosedAsWeSent(error: Error): boolean {
    return (
      this.isReused &&
      !this.isResent &&
      this.firstByteAt === 0 &&
      isDisconnect(error) &&
      performance.now() - this.sentAt < CLOSED_AS_WE_SENT_MS
    )
  }

  /** On a connection outside the pool, whose other connections may be as dead as the one that just failed. */
  sendOnceMore(): void {
    this.isResent = true
    this.controller = null
    const client = new SendingClient(this.origin, this.shared)
    client.dispatch({ ...this.options, reset: true }, this)
    void client.close()
  }

  step(step: SendStep): void {
    this.lastStep = step
    if (!this.isSettled) this.request.onStep?.(step, performance.now() - this.startedAt)
  }

  abort(): void {
    this.end(STOPPING, true)
  }

  /** Settles and takes back what is still under way: the socket, or the connection that was being opened. */
  end(failure: Failure | null, aborted = false): void {
    if (this.isSettled) return
    this.settle(failure, aborted)
    if (this.controller) this.controller.abort(new Error('the attempt is over'))
    else if (this.client?.attempt === this) this.client.giveUp()
  }

  settle(failure: Failure | null, aborted = false): void {
    if (this.isSettled) return
    if (this.timer) clearTimeout(this.timer)
    this.isSettled = true
    const totalMs = performance.now() - this.startedAt
    this.request.onStep?.('DONE', totalMs)
    this.resolve({
      reply: this.reply(),
      failure,
      timing: {
        dnsMs: rounded(this.connectTiming?.dnsMs),
        connectMs: rounded(this.connectTiming?.connectMs),
        tlsMs: rounded(this.connectTiming?.tlsMs),
        firstByteMs: this.firstByteAt === 0 ? null : rounded(this.firstByteAt - this.sentAt),
        totalMs: rounded(totalMs) ?? 0,
      },
      latencyMs: Math.round(totalMs),
      aborted,
    })
  }

  reply(): Reply | null {
    if (this.statusCode === 0) return null
    const [first, ...more] = this.chunks
    return {
      statusCode: this.statusCode,
      headers: this.headers,
      body: first && more.length === 0 ? first : Buffer.concat(this.chunks),
      bodyTruncated: this.bodyTruncated,
    }
  }
}

function waitingFor({ client, controller, firstByteAt, hostname, lastStep, statusCode }: Attempt): string {
  if (!client) return 'waiting for a free connection'
  if (statusCode !== 0) return "reading the reply's body"
  if (firstByteAt !== 0) return "reading the reply's headers"
  if (controller) return "waiting for the reply's first byte"
  if (lastStep === 'DNS') return 'opening the connection'
  if (lastStep === 'CONNECT') return 'in the TLS handshake'
  return addressOf(hostname) === null ? 'looking up the host name' : 'opening the connection'
}

/** Reads https: URLs and remembers the latest ones, which are few; null for anything else. */
function createUrlReader(): (text: string) => Target | null {
  const known = new Map<string, Target>()
  return (text) => {
    const remembered = known.get(text)
    if (remembered) return remembered
    const url = URL.parse(text)
    if (url?.protocol !== 'https:') return null
    if (known.size >= MAX_REMEMBERED) known.clear()
    const target = { origin: url.origin, hostname: url.hostname, path: url.pathname + url.search }
    known.set(text, target)
    return target
  }
}

/**
 * Tells why headers cannot go over the wire, or null. Asked before undici is: a request it refuses to build leaves one
 * connection of its pool unusable for good. `host` would also change whose certificate is expected.
 */
function createHeaderJudge(): (headers: readonly string[]) => string | null {
  const goodNames = new Set<string>()

  function isGoodName(name: string): boolean {
    if (goodNames.has(name)) return true
    if (!TOKEN.test(name) || FRAMING_HEADERS.has(name.toLowerCase())) return false
    if (goodNames.size >= MAX_REMEMBERED) goodNames.clear()
    goodNames.add(name)
    return true
  }

  return (headers) => {
    if (headers.length % 2 !== 0) return 'The request could not be built: a header has no value.'
    for (let index = 0; index < headers.length; index += 2) {
      const name = headers[index]!
      if (!isGoodName(name) || !FIELD_VALUE.test(headers[index + 1]!)) {
        return `The request could not be built: the header ${JSON.stringify(name.slice(0, 80))} must not be sent.`
      }
    }
    return null
  }
}

function readHeaders(raw: Buffer[]): [string, string][] {
  const headers: [string, string][] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    headers.push([raw[index]!.toString('latin1'), raw[index + 1]!.toString('latin1')])
  }
  return headers
}

function rounded(ms: number | null | undefined): number | null {
  return ms == null ? null : Math.round(ms * 1000) / 1000
}

function nothingSent(failure: Failure, aborted: boolean): SendResult {
  const timing = { dnsMs: null, connectMs: null, tlsMs: null, firstByteMs: null, totalMs: 0 }
  return { reply: null, failure, timing, latencyMs: 0, aborted }
}

/** The pool never connects by itself: each of its clients brings its own guarded connect. */
function unused(): never {
  throw new Error('expected the guarded connect of the client, got the one of the pool')
}
