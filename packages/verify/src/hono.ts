// sivo-webhooks/verify/hono: app.post('/webhooks', honoWebhook({ secrets }, (event) => …)).

import { answerRequest, bytesOfBody } from './fetch.ts'
import type { ReceiveOptions, WebhookHandler } from './receive.ts'

export type { ReceiveOptions, WebhookHandler } from './receive.ts'

/** The part of Hono's Context that is used. */
export type HonoContext = { readonly req: { readonly raw: Request; arrayBuffer(): Promise<ArrayBuffer> } }

/** A handler for a Hono route. */
export function honoWebhook(
  options: ReceiveOptions,
  handler: WebhookHandler,
): (context: HonoContext) => Promise<Response> {
  return ({ req }) => {
    // A middleware that called req.json() or req.text() has used the body up, and Hono keeps the text of it.
    const readBody = (maxBytes: number) => (req.raw.bodyUsed ? req.arrayBuffer() : bytesOfBody(req.raw, maxBytes))
    return answerRequest(req.raw, readBody, options, handler)
  }
}
