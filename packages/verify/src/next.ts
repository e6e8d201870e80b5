// sivo-webhooks/verify/next: app/webhooks/route.ts exports POST = nextWebhook({ secrets }, (event) => …).
//
// For the pages router use sivo-webhooks/verify/node and export config = { api: { bodyParser: false } }.

import { fetchWebhook } from './fetch.ts'
import type { ReceiveOptions, WebhookHandler } from './receive.ts'

export type { ReceiveOptions, WebhookHandler } from './receive.ts'

/** A route handler of Next's app router. */
export function nextWebhook(options: ReceiveOptions, handler: WebhookHandler): (request: Request) => Promise<Response> {
  return fetchWebhook(options, handler)
}
