// sivo-webhooks/verify/nestjs: a guard. It needs the raw body: NestFactory.create(AppModule, { rawBody: true }), and with
// Express app.useBodyParser('json', { limit: '1mb' }), because Nest refuses bodies from 100 KB on.
//
//   @Post() @UseGuards(webhookGuard({ secrets })) handle(@Req() request) { const { event } = deliveryOf(request) … }
//
// A guard runs before the handler and not around it, so there is no `dedupe` here: call once() in the handler.

import { isWebhookError, WebhookError } from './error.ts'
import { type NodeRequest, rawBodyOf } from './node.ts'
import { type ReceiveOptions, readDelivery } from './receive.ts'
import type { VerifiedDelivery } from './verification.ts'

export { once } from './dedupe.ts'

export type GuardOptions = Omit<ReceiveOptions, 'dedupe' | 'leaseSeconds'>

/** The part of Nest's ExecutionContext that is used. */
export type GuardContext = { switchToHttp(): { getRequest<Request>(): Request } }

const deliveries = new WeakMap<object, VerifiedDelivery>()

/**
 * A guard that lets only requests of the gateway through. It throws a `WebhookError`, which Nest answers with the status of
 * the error.
 */
export function webhookGuard(options: GuardOptions): { canActivate(context: GuardContext): Promise<boolean> } {
  return {
    async canActivate(context) {
      const request = context.switchToHttp().getRequest<NodeRequest & { raw?: NodeRequest }>()
      try {
        const verified = await readDelivery(request.headers, (maxBytes) => nestBodyOf(request, maxBytes), options)
        deliveries.set(request, verified)
        return true
      } catch (error) {
        if (options.onError) options.onError(error)
        else if (!isWebhookError(error) || error.statusCode === 500) console.error('sivo-webhooks:', error)
        throw error
      }
    },
  }
}

/** The event and the attempt of a request that the guard has let through. */
export function deliveryOf(request: object): VerifiedDelivery {
  const verified = deliveries.get(request)
  if (verified) return verified
  throw new WebhookError(
    'body_not_raw',
    'Expected a request that webhookGuard has checked: add @UseGuards to the route.',
  )
}

async function nestBodyOf(request: NodeRequest & { raw?: NodeRequest }, maxBytes: number): Promise<unknown> {
  const isParsed = typeof request.body === 'object' && request.body !== null && !(request.body instanceof Uint8Array)
  if (isParsed && request.rawBody === undefined)
    throw new WebhookError(
      'body_not_raw',
      "Nest has parsed the body and the raw bytes are gone. Create the application with NestFactory.create(AppModule, { rawBody: true }), and with app.useBodyParser('json', { limit: '1mb' }) for bodies from 100 KB on.",
    )
  return rawBodyOf(request, maxBytes)
}
