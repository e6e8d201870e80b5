// The receiver of a run: a plain HTTPS server of Node. The first part of a path decides what happens to a request: `count`
// counts it, `usual` counts it and answers with the headers of a usual web server, `timed` also reads the time when its event
// was published, `hang` never answers.

import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { IssuedCertificate } from '../src/dev/certificate-authority.ts'
import { answerParent } from './child.ts'
import { sharedMs } from './clock.ts'
import { STAMP } from './event.ts'

export type ReceiverCommands = {
  open: { input: IssuedCertificate; answer: number }
  /** The number of requests since it was opened. */
  total: { input: null; answer: number }
  /** Resets the counters. Resolves with the number of requests before. */
  reset: { input: null; answer: number }
  /**
   * Resolves after `count` requests since the last reset, or at the deadline; with `path` only those to it count. `lastMs`: the
   * time of the last request.
   */
  until: { input: { count: number; withinMs: number; path?: string }; answer: { count: number; lastMs: number } }
  /** Milliseconds from publish to request, by path, since the last reset. */
  latencies: { input: null; answer: Map<string, Float64Array> }
}

let countBefore = 0
let count = 0
let countByPath = new Map<string, number>()
let lastMs = 0
let wanted = Number.POSITIVE_INFINITY
let wantedPath: string | undefined
let reached = () => {}
let latencies = new Map<string, number[]>()

answerParent<ReceiverCommands>({
  open,
  total: () => countBefore + count,
  reset() {
    const before = count
    countBefore += before
    count = 0
    countByPath = new Map()
    latencies = new Map()
    return before
  },
  until({ count: target, withinMs, path }) {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(late)
        wanted = Number.POSITIVE_INFINITY
        resolve({ count: countOf(path), lastMs })
      }
      const late = setTimeout(done, withinMs)
      wanted = target
      wantedPath = path
      reached = done
      if (countOf(path) >= wanted) done()
    })
  },
  latencies: () => new Map([...latencies].map(([path, times]) => [path, Float64Array.from(times)])),
})

function open(certificate: IssuedCertificate): Promise<number> {
  const server = createServer({ ...certificate, keepAliveTimeout: 60_000 }, (request, response) => {
    const path = request.url!
    if (path.startsWith('/hang')) return void request.resume()
    if (path.startsWith('/timed')) {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => note(path, Buffer.concat(chunks)))
    } else request.resume()
    request.on('end', () => {
      if (path.startsWith('/usual')) answerAsUsual(response)
      else response.writeHead(200, { 'content-length': 2 }).end('ok')
      lastMs = sharedMs()
      count++
      countByPath.set(path, (countByPath.get(path) ?? 0) + 1)
      if (countOf(wantedPath) >= wanted) reached()
    })
  })
  server.on('tlsClientError', () => {})
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

function countOf(path: string | undefined): number {
  return path === undefined ? count : (countByPath.get(path) ?? 0)
}

/** The answer of an application behind nginx: headers that stay the same, and two that never do. */
function answerAsUsual(response: ServerResponse): void {
  const body = '{"received":true}'
  response
    .writeHead(200, {
      Server: 'nginx',
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': body.length,
      'X-Request-Id': randomUUID(),
      'Cache-Control': 'no-cache, private',
      'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
      'X-Content-Type-Options': 'nosniff',
    })
    .end(body)
}

function note(path: string, body: Buffer): void {
  const at = body.indexOf(STAMP)
  if (at < 0) return
  const sentMs = Number.parseFloat(body.toString('latin1', at + STAMP.length, at + STAMP.length + 24))
  const times = latencies.get(path)
  if (times) times.push(sharedMs() - sentMs)
  else latencies.set(path, [sharedMs() - sentMs])
}
