// sivo-webhooks/verify/fetch: for everything that takes a Request and gives a Response: Bun.serve, Deno.serve, Cloudflare
// Workers, Next's route handlers, SvelteKit, Remix, Astro.

import { WebhookError } from './error.ts'
import { joinBytes } from './raw-body.ts'
import { bodyTooLarge, type ReceiveOptions, receive, type WebhookHandler } from './receive.ts'

export type { ReceiveOptions, WebhookHandler } from './receive.ts'

/** A function from Request to Response: `Bun.serve({ fetch: fetchWebhook({ secrets }, (event) => …) })`. */
export function fetchWebhook(
  options: ReceiveOptions,
  handler: WebhookHandler,
): (request: Request) => Promise<Response> {
  return (request) => answerRequest(request, (maxBytes) => bytesOfBody(request, maxBytes), options, handler)
}

/** For adapters whose framework keeps a body that was read before. */
export async function answerRequest(
  { method, headers }: Pick<Request, 'method' | 'headers'>,
  readBody: (maxBytes: number) => unknown,
  options: ReceiveOptions,
  handler: WebhookHandler,
): Promise<Response> {
  if (method !== 'POST')
    return new Response(`expected POST, got ${method}`, { status: 405, headers: { allow: 'POST' } })
  const { status, body } = await receive(headers, readBody, options, handler)
  return new Response(body === '' ? null : body, {
    status,
    headers: body === '' ? {} : { 'content-type': 'text/plain; charset=utf-8' },
  })
}

export async function bytesOfBody(request: Request, maxBytes: number): Promise<unknown> {
  if (request.bodyUsed)
    throw new WebhookError(
      'body_not_raw',
      'The body of this request was read before, and a body can be read once. Give the webhook the request first, or a request.clone() that was made before.',
    )
  const announced = Number(request.headers.get('content-length') ?? 0)
  if (announced > maxBytes) throw bodyTooLarge(maxBytes)
  const reader = request.body?.getReader()
  if (!reader) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    if (size > maxBytes) {
      await reader.cancel()
      throw bodyTooLarge(maxBytes)
    }
    chunks.push(value)
  }
  return joinBytes(chunks)
}
