// A receiver on this machine: answers as told and remembers what came. For the demo and the tests.
//
// What it remembers is bounded, a request it cannot hold is refused, and close() ends every connection, also those that
// it was told to leave without an answer.

import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { CertificateAuthority, IssuedCertificate } from './certificate-authority.ts'

export type ReceivedRequest = {
  method: string
  /** With the query, as it came. */
  path: string
  headers: IncomingHttpHeaders
  /** Names and values in turn, in the order and the case they came in. */
  rawHeaders: string[]
  body: Buffer
  /** When the last byte of the body had come. */
  receivedAt: Date
  /** The same number: the same connection. */
  connection: number
}

/** Any one of `hang` and `reset` wins over the rest. */
export type Reply = {
  status?: number
  headers?: Record<string, string | string[]>
  body?: string | Uint8Array
  /** Wait this long before answering. */
  delayMs?: number
  /** Never finish: without a status nothing is sent, with one the head and the body are, but not the end. */
  hang?: boolean
  /** Break the connection (RST) instead of answering. */
  reset?: boolean
}

/** A status, a reply, a list (one per request, the last one stays), or a function of the request. */
export type Answer =
  | number
  | Reply
  | readonly (number | Reply)[]
  | ((request: ReceivedRequest) => number | Reply | Promise<number | Reply>)

export type Receiver = {
  port: number
  url(path?: string): string
  /** Oldest first; at most `keep` of them. */
  readonly requests: readonly ReceivedRequest[]
  /** All that ever came. */
  readonly requestCount: number
  /** What to answer from now on: everywhere, or at one path (without the query), which wins. */
  answer(answer: Answer): void
  answerAt(path: string, answer: Answer): void
  /** Resolves with the requests once `predicate` holds for them. Throws, saying what came, after `timeoutMs` (5 s). */
  until(
    predicate: (requests: readonly ReceivedRequest[]) => boolean,
    options?: { timeoutMs?: number },
  ): Promise<readonly ReceivedRequest[]>
  forget(): void
  close(): Promise<void>
}

export type ReceiverOptions = {
  /** Whose certificate to present: issued for `names`, or given. */
  tls: { authority: CertificateAuthority; names?: readonly string[] } | IssuedCertificate
  port?: number
  host?: string
  /** The name in `url()`. Default: `host`. */
  hostname?: string
  answer?: Answer
  /** How many requests to remember. */
  keep?: number
}

const MAX_BODY_BYTES = 4 * 1024 * 1024

/** Starts a receiver. Throws when the port is taken. */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { host = '127.0.0.1', hostname = host, keep = 10_000 } = options
  const certificate =
    'authority' in options.tls
      ? options.tls.authority.issue(options.tls.names ?? ['localhost', '127.0.0.1', '::1', hostname])
      : options.tls

  const answers = new Map<string | null, (request: ReceivedRequest) => ReturnType<typeof replyTo>>()
  let requests: ReceivedRequest[] = []
  let requestCount = 0
  const watchers = new Set<() => void>()
  const sockets = new Map<string, { socket: Socket; number: number }>()
  let connectionCount = 0
  const timers = new Set<NodeJS.Timeout>()

  const set = (path: string | null, answer: Answer) => answers.set(path, inTurn(answer))
  set(null, options.answer ?? 200)

  const server = createServer({ ...certificate, keepAliveTimeout: 60_000 }, async (incoming, response) => {
    response.on('error', () => undefined)
    const body = await readBody(incoming)
    if (body === 'broken off') return
    if (body === 'too large') {
      response.writeHead(413, { connection: 'close' }).end()
      return
    }
    const connection = sockets.get(peerOf(incoming.socket))
    const request: ReceivedRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      rawHeaders: incoming.rawHeaders,
      body,
      receivedAt: new Date(),
      connection: connection?.number ?? -1,
    }
    requests.push(request)
    requestCount++
    if (requests.length > keep) requests = requests.slice(-keep)
    for (const look of watchers) look()

    const path = request.path.split('?', 1)[0]!
    const reply = await (answers.get(path) ?? answers.get(null)!)(request)
    const send = () => {
      if (reply.reset) connection?.socket.resetAndDestroy()
      else write(response, reply)
    }
    if (!reply.delayMs) return send()
    const timer = setTimeout(() => {
      timers.delete(timer)
      send()
    }, reply.delayMs)
    timers.add(timer)
  })
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket)
    sockets.set(peer, { socket, number: connectionCount++ })
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(peer))
  })
  // Who does not like our certificate says so and goes: that is theirs to tell.
  server.on('tlsClientError', () => undefined)
  server.listen(options.port ?? 0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    port,
    url: (path = '/') => `https://${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}${path}`,
    get requests() {
      return requests
    },
    get requestCount() {
      return requestCount
    },
    answer: (answer) => void set(null, answer),
    answerAt: (path, answer) => void set(path, answer),
    until: (predicate, { timeoutMs = 5_000 } = {}) =>
      new Promise((resolve, reject) => {
        const settle = (finish: () => void) => {
          clearTimeout(timer)
          watchers.delete(look)
          finish()
        }
        const look = () => {
          try {
            if (predicate(requests)) settle(() => resolve(requests))
          } catch (error) {
            settle(() => reject(error))
          }
        }
        const timer = setTimeout(() => {
          const came = requests.slice(-20).map(({ method, path }) => `${method} ${path}`)
          const last = requests.length > came.length ? `, the last of them ${came.join(', ')}` : `: ${came.join(', ')}`
          settle(() =>
            reject(
              new Error(
                `Waited ${timeoutMs} ms for requests; came ${requests.length}${requests.length ? last : ''}. Look at what was sent, or wait longer.`,
              ),
            ),
          )
        }, timeoutMs)
        watchers.add(look)
        look()
      }),
    forget() {
      requests = []
    },
    async close() {
      for (const timer of timers) clearTimeout(timer)
      const closed = once(server, 'close')
      server.close()
      for (const { socket } of sockets.values()) socket.destroy()
      await closed
    },
  }
}

/** The answer as a function; a list moves on with each request. */
function inTurn(answer: Answer): (request: ReceivedRequest) => Promise<Reply> {
  let next = 0
  return (request) => {
    if (typeof answer === 'function') return replyTo(answer(request))
    if (isList(answer)) return replyTo(answer[Math.min(next++, answer.length - 1)] ?? 200)
    return replyTo(answer)
  }
}

function isList(answer: Answer): answer is readonly (number | Reply)[] {
  return Array.isArray(answer)
}

async function replyTo(answer: number | Reply | Promise<number | Reply>): Promise<Reply> {
  const reply = await answer
  return typeof reply === 'number' ? { status: reply } : reply
}

function write(response: ServerResponse, { status, headers, body, hang }: Reply): void {
  if (hang && status === undefined) return
  response.writeHead(status ?? 200, headers)
  if (!hang) response.end(body)
  else if (body === undefined) response.flushHeaders()
  else response.write(body)
}

async function readBody(incoming: IncomingMessage): Promise<Buffer | 'broken off' | 'too large'> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of incoming) {
      length += chunk.length
      if (length > MAX_BODY_BYTES) return 'too large'
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch {
    return 'broken off'
  }
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`
}
