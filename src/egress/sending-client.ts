// One connection of a pool: it knows which attempt it works for, how its socket came to be, and what went wrong with it
// first.

import type { TLSSocket } from 'node:tls'
import { Client, type Dispatcher } from 'undici'
import type { Failure } from '../domain/outcome.ts'
import type { Attempt } from './attempt.ts'
import type { Connector } from './guarded-connect.ts'
import { type ReplyListener, ReplyReader } from './reply-reader.ts'

/** What all connections and attempts of a sender have in common. */
export type Shared = { connect: Connector; stats: { connections: number }; timeoutMs: number; maxReplyBytes: number }

const KEEP_ALIVE_MS = 4_000
/** The longest that a connection is kept, also when the receiver says that it keeps it for longer. */
export const KEEP_ALIVE_MAX_MS = 5_000
/** A receiver that keeps a connection for this long or less gets one request on it; we leave others this much earlier. */
const KEEP_ALIVE_MARGIN_MS = 2_000
/** A connection is not used longer than this, so that a receiver's new address is noticed. */
const CONNECTION_AGE_MS = 30_000
const MAX_HEADER_BYTES = 16_384

export class SendingClient extends Client implements ReplyListener {
  attempt: Attempt | null = null
  reader: ReplyReader | null = null
  /** The first error of the socket. Those after it are consequences, and undici tells the last one. */
  socketError: Error | null = null
  requestCount = 0
  /** Whether the receiver agreed to HTTP/1.1 in the handshake. Many say nothing there, and speak it all the same. */
  hasAgreedToHttp1 = false
  /** Whether the receiver asked for a client certificate in the handshake. */
  hasAskedForCertificate = false
  private socket: TLSSocket | null = null
  private openedAt = 0
  private giveUpConnecting = () => {}
  private readonly shared: Shared

  constructor(url: URL | string, shared: Shared) {
    super(url, {
      pipelining: 1,
      allowH2: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
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

  onFirstByte(): void {
    this.attempt?.onFirstByte()
  }

  onEndlessInterim(): void {
    this.attempt?.onEndlessInterim()
  }

  /** Stops opening the connection. */
  giveUp(): void {
    this.giveUpConnecting()
  }

  /** Ends the connection, which has no request under way. */
  retire(): void {
    this.socket?.destroy()
  }

  private open(
    { hostname, port }: { hostname: string; port: string },
    callback: (...args: [null, TLSSocket] | [Error, null]) => void,
  ): void {
    const { timing, giveUp } = this.shared.connect({
      host: hostname,
      port: port === '' ? 443 : Number(port),
      onStep: (step) => this.attempt?.step(step),
      onDone: (result) => {
        this.giveUpConnecting = () => {}
        if ('code' in result) return callback(new NotConnected(result), null)
        this.adopt(result)
        callback(null, result)
      },
    })
    if (this.attempt) this.attempt.connectTiming = timing
    this.giveUpConnecting = () => {
      this.giveUpConnecting = () => {}
      giveUp()
      callback(new NotConnected({ code: 'timeout', message: 'The connection is no longer wanted.' }), null)
    }
  }

  private adopt(socket: TLSSocket): void {
    this.socket = socket
    this.socketError = null
    this.reader = new ReplyReader(socket, this)
    this.openedAt = performance.now()
    this.requestCount = 0
    this.hasAgreedToHttp1 = socket.alpnProtocol === 'http/1.1'
    // A client has these only of a request for its certificate.
    this.hasAskedForCertificate = socket.getSharedSigalgs().length > 0
    this.shared.stats.connections++
    socket.once('error', (error) => {
      this.socketError = error
    })
    socket.once('close', () => {
      this.shared.stats.connections--
      if (this.socket === socket) this.socket = null
    })
  }
}

/** A connector's failure on its way through undici. */
export class NotConnected extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}
