// The process of the receiver. It takes deliveries over HTTPS, checks their signatures, and answers as real receivers do:
// mostly soon, sometimes late, sometimes with 503, rarely not at all. It writes each request to its ledger.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { IssuedCertificate } from '../src/dev/certificate-authority.ts'
import { type Received, writeReceived } from './ledger.ts'
import { createRandom } from './plan.ts'

export type ReceiverSettings = {
  readonly certificate: IssuedCertificate
  readonly ledger: string
  readonly seed: number
}
export type ToReceiver =
  | { readonly kind: 'open'; readonly settings: ReceiverSettings }
  /** The signing secret of each path. */
  | { readonly kind: 'secrets'; readonly secrets: Readonly<Record<string, string>> }
  /** Write all lines to the ledger, and answer afterwards. */
  | { readonly kind: 'flush' }
export type FromReceiver = { readonly kind: 'open'; readonly port: number } | { readonly kind: 'flushed' }

const REFUSED_SHARE = 0.03
const RESET_SHARE = 0.003
const FLUSH_MS = 100

let secrets = new Map<string, string>()
let ledger = ''
let lines: string[] = []
let random = Math.random

process.on('message', (message: ToReceiver) => {
  if (message.kind === 'open') open(message.settings)
  else if (message.kind === 'secrets') {
    secrets = new Map(Object.entries(message.secrets))
    tell({ kind: 'flushed' })
  } else {
    flush()
    tell({ kind: 'flushed' })
  }
})
// It ends with its parent.
process.on('disconnect', () => process.exit(0))

function tell(message: FromReceiver): void {
  process.send!(message)
}

function open({ certificate, ledger: path, seed }: ReceiverSettings): void {
  ledger = path
  random = createRandom(seed)
  setInterval(flush, FLUSH_MS)
  const server = createServer({ ...certificate, keepAliveTimeout: 60_000 }, (request, response) => {
    take(request, response)
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1', () => tell({ kind: 'open', port: (server.address() as AddressInfo).port }))
}

function flush(): void {
  if (lines.length === 0) return
  appendFileSync(ledger, lines.join(''))
  lines = []
}

function take(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('error', () => {})
  response.on('error', () => {})
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => answer(request, response, Buffer.concat(chunks)))
}

function answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const { headers, url = '' } = request
  const arrivedMs = Date.now()
  const verified = isVerified(url, body, String(headers['x-sivo-signature']))
  const chance = random()
  const resets = chance < RESET_SHARE
  const refuses = !resets && chance < RESET_SHARE + REFUSED_SHARE
  const accepted = verified && !resets && !refuses
  const note = (answeredMs: number | null) => {
    const received: Received = {
      arrivedMs,
      answeredMs,
      endpoint: Number(url.slice('/e/'.length)),
      deliveryId: String(headers['x-sivo-delivery-id']),
      eventId: String(headers['x-sivo-event-id']),
      attempt: Number(headers['x-sivo-attempt']),
      verified,
      accepted,
      bodyHash: createHash('md5').update(body).digest('base64url'),
    }
    lines.push(writeReceived(received))
  }
  let isNoted = false
  const noteOnce = (answeredMs: number | null) => {
    if (!isNoted) note(answeredMs)
    isNoted = true
  }
  response.once('close', () => noteOnce(null))
  setTimeout(() => {
    if (response.destroyed) return
    if (resets) return request.socket.destroy()
    response.writeHead(accepted ? 200 : verified ? 503 : 401)
    noteOnce(Date.now())
    response.end()
  }, drawDelay())
}

/** Milliseconds: most answer at once, some take a while, a few are slow. */
function drawDelay(): number {
  const kind = random()
  if (kind < 0.6) return 2 + random() * 20
  if (kind < 0.9) return 20 + random() * 130
  return 200 + random() * 1_800
}

function isVerified(path: string, body: Buffer, signature: string): boolean {
  const secret = secrets.get(path)
  if (secret === undefined) return false
  const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
  const came = Buffer.from(signature)
  return came.length === expected.length && timingSafeEqual(came, expected)
}
