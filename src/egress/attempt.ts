// One attempt from dispatch to result; undici calls its on… methods. Promise: it settles once. A complete head of a reply is
// the receiver's answer, whatever becomes of the body: the result then has both, the reply and what went wrong after it.

import type { Dispatcher, Pool } from 'undici'
import { addressOf } from '../domain/endpoint/url.ts'
import type { Failure, Reply, SendResult } from '../domain/outcome.ts'
import {
  CLOSED_WITHOUT_CERTIFICATE,
  explainBodyFailure,
  explainSendFailure,
  HTTP_2_ONLY,
  isDisconnect,
} from './explain-failure.ts'
import type { ConnectTiming } from './guarded-connect.ts'
import { readHeaders } from './reply-headers.ts'
import type { Target } from './request-form.ts'
import { NotConnected, SendingClient, type Shared } from './sending-client.ts'

export type SendStep = 'DNS' | 'CONNECT' | 'TLS' | 'REQUEST_SENT' | 'FIRST_BYTE' | 'DONE'

export type SendRequest = {
  /** An https: URL in the form parseEndpointUrl returned. */
  url: string
  /** Name, value, name, value, …: sent in this order and case. Host and content-length are added. */
  headers: readonly string[]
  body: Buffer
  /** Milliseconds for this attempt, instead of the sender's `timeoutMs`. */
  deadlineMs?: number
  /** Ends the attempt; its result then has `aborted: true`, unless the receiver had answered. */
  signal?: AbortSignal
  /**
   * Told when a step is done, `atMs` after `send` was called; DNS, CONNECT and TLS only when a connection was opened. All
   * but DONE may come twice, when the request is sent once more.
   */
  onStep?: (step: SendStep, atMs: number) => void
}

/** A kept-alive connection that dies later than this after the request was written did not die of being idle. */
const CLOSED_AS_WE_SENT_MS = 2_000

/** From here on a limit of the receiver is a likely cause: Express stops at 100 KB, some servers at 64 KB. */
const LARGE_BODY_BYTES = 65_536

const STOPPING: Failure = { code: 'connection_reset', message: 'The gateway ended the attempt: it is stopping.' }

export class Attempt implements Dispatcher.DispatchHandler {
  client: SendingClient | null = null
  connectTiming: ConnectTiming | null = null
  readonly request: SendRequest
  readonly startedAt = performance.now()
  /** Where it stands among those in flight. */
  place = -1
  timer: NodeJS.Timeout | undefined

  private readonly shared: Shared
  private readonly resolve: (result: SendResult) => void
  private readonly options: Dispatcher.DispatchOptions
  private readonly target: Target
  /** undici's handle on the request that counts; null: none was written, or the one that was is given up. */
  private controller: Dispatcher.DispatchController | null = null
  private lastStep: SendStep | null = null
  private isReused = false
  private isSettled = false
  private requestCount = 0
  private sentAt = 0
  private firstByteAt = 0
  private statusCode = 0
  private headers: [string, string][] = []
  private chunks: Buffer[] = []
  private keptBytes = 0
  private bodyTruncated = false
  /** The failure whose cause is being looked for, and how to stop looking. */
  private probe: { failure: Failure; giveUp(): void } | null = null

  constructor(request: SendRequest, target: Target, shared: Shared, resolve: (result: SendResult) => void) {
    this.request = request
    this.shared = shared
    this.resolve = resolve
    this.target = target
    this.options = { path: target.path, method: 'POST', headers: request.headers as string[], body: request.body }
  }

  begin(pool: Pool): void {
    pool.dispatch(this.options, this)
  }

  /** Watches a deadline of its own. */
  expireIn(ms: number): void {
    this.timer = setTimeout(() => this.expire(ms), ms)
  }

  expire(deadlineMs = this.shared.timeoutMs): void {
    this.end(this.probe?.failure ?? { code: 'timeout', message: this.late(`within ${deadlineMs / 1000} s`) })
  }

  abort(): void {
    if (this.statusCode === 0) this.end(STOPPING, true)
    else this.end({ code: 'connection_reset', message: "The gateway stopped before the end of the reply's body came." })
  }

  step(step: SendStep): void {
    this.lastStep = step
    if (!this.isSettled) this.request.onStep?.(step, performance.now() - this.startedAt)
  }

  /** A settled attempt that still stood in a queue is refused here, which leaves the connection as it is. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.isSettled) throw new Error('the attempt is over')
    this.controller = controller
    const { client } = this
    if (!client) return
    client.reader?.expectReply()
    this.isReused = client.requestCount++ > 0
    if (this.isReused) this.connectTiming = null
  }

  onRequestSent(): void {
    this.requestCount++
    this.sentAt = performance.now()
    this.step('REQUEST_SENT')
  }

  onFirstByte(): void {
    this.firstByteAt = performance.now()
    this.step('FIRST_BYTE')
  }

  onEndlessInterim(): void {
    this.end({
      code: 'invalid_response',
      message: 'The receiver sent interim replies (1xx) without end, and no final one.',
    })
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number): void {
    if (controller !== this.controller) return
    if (statusCode < 200) {
      const message = `The receiver answered ${statusCode}, which was not asked for, and no final status.`
      this.end({ code: 'invalid_response', message })
    } else if (statusCode === 408 && this.wasIdle()) {
      this.sendOnceMore()
      controller.abort(new Error('the receiver gave up waiting on an idle connection'))
    } else {
      this.statusCode = statusCode
      this.headers = readHeaders(controller.rawHeaders as Buffer[])
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.isSettled || controller !== this.controller) return
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

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (controller !== this.controller) return
    this.settle(null)
    if (this.client?.reader?.isAmbiguous) this.client.retire()
  }

  onResponseError(controller: Dispatcher.DispatchController | null | undefined, error: Error): void {
    if (this.isSettled || (controller ?? null) !== this.controller) return
    const cause = this.client?.socketError ?? error
    if (error instanceof NotConnected) this.settle(error.failure)
    else if (this.statusCode !== 0) this.settle(explainBodyFailure(cause))
    else if (!this.client?.reader?.hasAnswered && isDisconnect(cause) && this.wasIdle()) this.sendOnceMore()
    else this.fail(explainSendFailure(cause, this.client?.reader ?? null))
  }

  /** A receiver that limits bodies may close before it has read the whole request, and its reply is lost with the connection. */
  private closedBySize(failure: Failure): Failure {
    const { length } = this.request.body
    if (length < LARGE_BODY_BYTES) return failure
    const message = `The receiver closed the connection without a reply to a body of ${length} bytes; check its limit for the size of a request.`
    return { ...failure, message }
  }

  /**
   * A receiver that speaks HTTP/2 only may close without a word when it is offered HTTP/1.1. To tell, a receiver that did not
   * agree to HTTP/1.1 in the handshake is offered HTTP/2 in another one, which carries no request.
   */
  private fail(failure: Failure): void {
    const { client } = this
    const isSilent = failure.code === 'connection_reset' && client?.reader?.hasAnswered === false
    if (isSilent && client.hasAskedForCertificate) this.settle(CLOSED_WITHOUT_CERTIFICATE)
    else if (isSilent && !client.hasAgreedToHttp1) this.offerHttp2(failure)
    else if (isSilent) this.settle(this.closedBySize(failure))
    else this.settle(failure)
  }

  private offerHttp2(failure: Failure): void {
    const { hostname, port } = this.target
    const { giveUp } = this.shared.connect({
      host: addressOf(hostname) ?? hostname,
      port,
      protocol: 'h2',
      onStep: () => {},
      onDone: (result) => {
        const isConnected = !('code' in result)
        const isTaken = isConnected && result.alpnProtocol === 'h2'
        if (isConnected) result.destroy()
        this.settle(isTaken ? { ...failure, message: HTTP_2_ONLY } : this.closedBySize(failure))
      },
    })
    this.probe = { failure, giveUp }
  }

  /** Whether the receiver may have given up this connection for being idle, just when the request went out on it. */
  private wasIdle(): boolean {
    return this.isReused && this.requestCount === 1 && performance.now() - this.sentAt < CLOSED_AS_WE_SENT_MS
  }

  /** On a connection outside the pool, whose other connections may be as dead as the one that just failed. */
  private sendOnceMore(): void {
    this.controller = null
    this.firstByteAt = 0
    const client = new SendingClient(this.target.origin, this.shared)
    client.dispatch({ ...this.options, reset: true }, this)
    void client.close()
  }

  /** Settles and takes back what is still under way: the socket, or the connection that was being opened. */
  private end(failure: Failure | null, aborted = false): void {
    if (this.isSettled) return
    this.settle(failure, aborted)
    if (this.probe) this.probe.giveUp()
    else if (this.controller) this.controller.abort(new Error('the attempt is over'))
    else if (this.client?.attempt === this) this.client.giveUp()
  }

  private settle(failure: Failure | null, aborted = false): void {
    if (this.isSettled) return
    if (this.timer) clearTimeout(this.timer)
    this.isSettled = true
    const totalMs = performance.now() - this.startedAt
    this.request.onStep?.('DONE', totalMs)
    this.resolve({
      reply: this.reply(),
      failure,
      requestCount: this.requestCount,
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

  private reply(): Reply | null {
    if (this.statusCode === 0) return null
    const [first, ...more] = this.chunks
    return {
      statusCode: this.statusCode,
      headers: this.headers,
      body: first && more.length === 0 ? first : Buffer.concat(this.chunks),
      bodyTruncated: this.bodyTruncated,
    }
  }

  private late(within: string): string {
    if (this.statusCode !== 0) return `The end of the reply's body did not come ${within}.`
    return `No complete reply ${within} (${this.waitingFor()}).`
  }

  private waitingFor(): string {
    const { client, controller, firstByteAt, lastStep } = this
    if (!client) return 'waiting for a free connection'
    if (firstByteAt !== 0) return "reading the reply's headers"
    if (controller && client.reader?.interimStatus) {
      return `waiting for the final reply after an interim ${client.reader.interimStatus}`
    }
    if (controller) return "waiting for the reply's first byte"
    if (lastStep === 'DNS') return 'opening the connection'
    if (lastStep === 'CONNECT') return 'in the TLS handshake'
    return addressOf(this.target.hostname) === null ? 'looking up the host name' : 'opening the connection'
  }
}

/** The result of a request that was never begun. */
export function nothingSent(failure: Failure = STOPPING): SendResult {
  const timing = { dnsMs: null, connectMs: null, tlsMs: null, firstByteMs: null, totalMs: 0 }
  return { reply: null, failure, requestCount: 0, timing, latencyMs: 0, aborted: failure === STOPPING }
}

function rounded(ms: number | null | undefined): number | null {
  return ms == null ? null : Math.round(ms * 1000) / 1000
}
