// A receiver on this machine, for the demo and the tests: it answers as configured and remembers the requests.
//
// It remembers a limited number of requests and refuses larger bodies than it can hold. close() ends every connection,
// also those that it was told not to answer.

import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { CertificateAuthority, IssuedCertificate } from './certificate-authority.ts'

export type ReceivedRequest = {
  method: string
  /** The path with the query, as it was received. */
  path: string
  headers: IncomingHttpHeaders
  /** Names and values in turn, in the order and case in which they were received. */
  rawHeaders: string[]
  body: Buffer
  /** When the last byte of the body was received. */
  receivedAt: Date
  /** The number of the connection. Requests over one connection have the same number. */
  connection: number
}

/** `hang` and `reset` override the other fields. */
export type Reply = {
  status?: number
  headers?: Record<string, string | string[]>
  body?: string | Uint8Array
  /** Wait this long before answering. */
  delayMs?: number
  /** Never finish the reply. Without a status, send nothing; with a status, send the head and the body but not the end. */
  hang?: boolean
  /** Reset the connection (RST) instead of answering. */
  reset?: boolean
}

/** A status, a reply, a list (one for each request; the last one repeats), or a function of the request. */
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
  /** The number of all requests so far. */
  readonly requestCount: number
  /** Sets the answer from now on: for every path, or for one path without its query, which has priority. */
  answer(answer: Answer): void
  answerAt(path: string, answer: Answer): void
  /** Resolves with the requests when `predicate` accepts them. After `timeoutMs` (20 s) it throws and lists the requests. */
  until(
    predicate: (requests: readonly ReceivedRequest[]) => boolean,
    options?: { timeoutMs?: number },
  ): Promise<readonly ReceivedRequest[]>
  forget(): void
  close(): Promise<void>
}

export type ReceiverOptions = {
  /** The certificate to present: one that the authority issues for `names`, or this one. */
  tls: { authority: CertificateAuthority; names?: readonly string[] } | IssuedCertificate
  port?: number
  host?: string
  /** The host name in `url()`. The default is `host`. */
  hostname?: string
  answer?: Answer
  /** How many requests to remember. */
  keep?: number
}

const MAX_BODY_BYTES = 4 * 1024 * 1024

/** Starts a receiver. Throws if the port is taken. */
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
  // A client that refuses our certificate ends the connection and reports it itself.
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
    until: (predicate, { timeoutMs = 20_000 } = {}) =>
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
                `Waited ${timeoutMs} ms for requests; got ${requests.length}${requests.length ? last : ''}. Check what was sent, or wait longer.`,
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

/** The answer as a function. A list advances with each request. */
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
