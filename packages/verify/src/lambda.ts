// sivo-webhooks/verify/lambda: export const handler = lambdaWebhook({ secrets }, (event) => …).
//
// For API Gateway (REST with proxy integration, HTTP API), function URLs and load balancers.

import { describeKind, WebhookError } from './error.ts'
import { type ReceiveOptions, receive, type WebhookHandler } from './receive.ts'
import { decodeBase64 } from './secrets.ts'

export type { ReceiveOptions, WebhookHandler } from './receive.ts'

/** The part of the invocation that is used, in format 1.0, 2.0 or a load balancer's. */
export type LambdaEvent = {
  readonly headers?: { readonly [name: string]: string | undefined } | null
  readonly multiValueHeaders?: { readonly [name: string]: string[] | undefined } | null
  readonly body?: string | null
  readonly isBase64Encoded?: boolean
}

export type LambdaResult = { statusCode: number; headers: { [name: string]: string }; body: string }

/** A Lambda function. It answers once the handler has finished: Lambda stops what runs after the answer. */
export function lambdaWebhook(
  options: ReceiveOptions,
  handler: WebhookHandler,
): (invocation: LambdaEvent) => Promise<LambdaResult> {
  return async (invocation) => {
    const headers = { ...invocation.multiValueHeaders, ...invocation.headers }
    const { status, body } = await receive(headers, () => bodyOf(invocation), options, handler)
    return { statusCode: status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body }
  }
}

function bodyOf({ body, isBase64Encoded }: LambdaEvent): unknown {
  if (typeof body === 'object' && body !== null)
    throw new WebhookError(
      'body_not_raw',
      `Expected body as text, got ${describeKind(body)}: use the proxy integration, which passes the body as it came.`,
    )
  if (!isBase64Encoded || typeof body !== 'string') return body
  const bytes = decodeBase64(body)
  if (bytes) return bytes
  throw new WebhookError('body_changed', 'Expected body in base64, because isBase64Encoded is true, got another text.')
}
