// sivo-webhooks/verify/node: a handler for Node's http and https servers, and what the Express adapter stands on.

import { WebhookError } from './error.ts'
import { joinBytes } from './raw-body.ts'
import { bodyTooLarge, type ReceiveOptions, type Reply, receive, type WebhookHandler } from './receive.ts'

export type { ReceiveOptions, WebhookHandler } from './receive.ts'

/** The part of Node's IncomingMessage that is used, and where frameworks keep a body that they read. */
export type NodeRequest = {
  readonly method?: string
  readonly headers: { readonly [name: string]: string | string[] | undefined }
  readonly readableDidRead?: boolean
  readonly readableEnded?: boolean
  readonly body?: unknown
  readonly rawBody?: unknown
  on(event: string, listener: (value?: unknown) => void): unknown
  read?(): unknown
}

/** The part of Node's ServerResponse that is used. */
export type NodeResponse = {
  statusCode: number
  readonly headersSent?: boolean
  setHeader(name: string, value: string): unknown
  end(text?: string): unknown
}

/** A request listener: `createServer(nodeWebhook({ secrets }, (event) => …))`. Resolves once it has answered. */
export function nodeWebhook(
  options: ReceiveOptions,
  handler: WebhookHandler,
): (request: NodeRequest, response: NodeResponse) => Promise<void> {
  return async (request, response) => {
    if (request.method !== undefined && request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      return answer(response, { status: 405, body: `expected POST, got ${request.method}` })
    }
    answer(response, await receive(request.headers, (maxBytes) => rawBodyOf(request, maxBytes), options, handler))
  }
}

function answer(response: NodeResponse, { status, body }: Reply): void {
  // The handler may have answered by itself, or the other side has left.
  if (response.headersSent) return
  response.statusCode = status
  // The rest of a body that was not read would be taken for the next request.
  if (status === 413) response.setHeader('connection', 'close')
  if (body === '') return void response.end()
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end(body)
}

/**
 * The bytes of the body: those that a framework kept (`rawBody`, or `body` as a Buffer or text), else those of the stream, else
 * what is beside a stream that has ended.
 * Throws a `WebhookError` when something has parsed the body and kept only the result.
 */
export async function rawBodyOf(request: NodeRequest, maxBytes: number): Promise<unknown> {
  if (isRaw(request.rawBody)) return request.rawBody
  // Before `body`, which Vercel parses when it is read.
  const again = readAgain(request)
  if (again) return again
  if (isRaw(request.body)) return request.body
  if (request.readableDidRead) throw bodyWasParsed(request.body)
  // Nothing would come: Nitro makes such requests for functions, with the body beside them, as ArrayBuffer on Bun, Deno and edges.
  if (request.readableEnded) return request.body ?? new Uint8Array()
  return readStream(request, maxBytes)
}

function isRaw(kept: unknown): boolean {
  return typeof kept === 'string' || kept instanceof Uint8Array
}

/**
 * The bytes of a stream that has ended and is filled once more: functions of Vercel have read the body, and `read` gives it
 * again. null: the stream has not ended, or nobody filled it.
 */
function readAgain(request: NodeRequest): Uint8Array | null {
  if (!request.readableEnded) return null
  const chunks: Uint8Array[] = []
  for (let chunk = request.read?.(); chunk instanceof Uint8Array; chunk = request.read?.()) chunks.push(chunk)
  return chunks.length > 0 ? joinBytes(chunks) : null
}

function bodyWasParsed(body: unknown): WebhookError {
  const parser = body === undefined ? 'Something' : 'A body parser'
  return new WebhookError(
    'body_not_raw',
    `${parser} read the body before the webhook did, and the raw bytes are gone. Put the webhook's route before app.use(express.json()), or keep the bytes: express.json({ limit: '1mb', verify: keepRawBody }); in NestJS: NestFactory.create(AppModule, { rawBody: true }); in Next's pages: export const config = { api: { bodyParser: false } }.`,
  )
}

/** Chunks are joined as bytes: decoding them one by one would break characters that lie across two of them. */
function readStream(stream: NodeRequest, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let size = 0
    stream.on('data', (chunk) => {
      const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : (chunk as Uint8Array)
      size += bytes.length
      // What comes after the limit is read and dropped, so that the answer reaches who is still sending.
      if (size <= maxBytes) chunks.push(bytes)
      else reject(bodyTooLarge(maxBytes))
    })
    stream.on('end', () => resolve(joinBytes(chunks)))
    stream.on('error', reject)
    stream.on('close', () =>
      reject(new WebhookError('body_missing', 'The connection ended before the whole body came.')),
    )
  })
}

/**
 * For `express.json({ limit: '1mb', verify: keepRawBody })`: keeps the bytes beside what was parsed of them, as
 * `request.rawBody`. Without a limit Express refuses bodies from 100 KB on.
 */
export function keepRawBody(request: object, _response: unknown, bytes: Uint8Array): void {
  ;(request as { rawBody?: Uint8Array }).rawBody = bytes
}
