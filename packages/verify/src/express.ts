// sivo-webhooks/verify/express: app.post('/webhooks', expressWebhook({ secrets }, (event) => …)).
//
// Works without any body parser, behind express.raw and express.text, and behind express.json that was given keepRawBody.

import type { NodeRequest, NodeResponse } from './node.ts'
import { nodeWebhook } from './node.ts'
import type { ReceiveOptions, WebhookHandler } from './receive.ts'

export { keepRawBody, type NodeRequest, type NodeResponse } from './node.ts'
export type { ReceiveOptions, WebhookHandler } from './receive.ts'

/** A route handler for Express 4 and 5, and for every router that is called like it. */
export function expressWebhook(
  options: ReceiveOptions,
  handler: WebhookHandler,
): (request: NodeRequest, response: NodeResponse) => Promise<void> {
  return nodeWebhook(options, handler)
}
