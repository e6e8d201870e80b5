// sivo-webhooks/verify/fastify: app.register(fastifyWebhook({ url: '/webhooks', secrets }, (event) => …)).
//
// The route has a scope of its own whose only parser keeps the bytes; the parsers of the other routes stay as they are.

import { DEFAULT_MAX_BODY_BYTES, type ReceiveOptions, receive, type WebhookHandler } from './receive.ts'

export type { ReceiveOptions, WebhookHandler } from './receive.ts'

type Request = { readonly headers: { readonly [name: string]: string | string[] | undefined }; readonly body?: unknown }
type FastifyReply = {
  code(status: number): FastifyReply
  type(contentType: string): FastifyReply
  send(payload?: unknown): unknown
}
/** A Fastify instance; its own types would make this package depend on Fastify. */
export type FastifyScope = {
  removeAllContentTypeParsers: () => unknown
  addContentTypeParser: (...args: never[]) => unknown
  post: (...args: never[]) => unknown
}
type KnownScope = {
  removeAllContentTypeParsers(): unknown
  addContentTypeParser(
    contentType: string,
    options: { parseAs: 'buffer'; bodyLimit: number },
    parse: (request: unknown, body: Uint8Array) => Promise<unknown>,
  ): unknown
  post(
    url: string,
    options: { bodyLimit: number },
    handle: (request: Request, reply: FastifyReply) => Promise<unknown>,
  ): unknown
}

export type FastifyWebhookOptions = ReceiveOptions & {
  /** The path of the route. */
  url: string
}

/** A plugin with one POST route. */
export function fastifyWebhook(
  { url, ...options }: FastifyWebhookOptions,
  handler: WebhookHandler,
): (scope: FastifyScope) => Promise<void> {
  const bodyLimit = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES
  return async (given) => {
    const scope = given as unknown as KnownScope
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, async (_request, body) => body)
    scope.post(url, { bodyLimit }, async (request, reply) => {
      const { status, body } = await receive(request.headers, () => request.body, options, handler)
      reply.code(status)
      return body === '' ? reply.send() : reply.type('text/plain; charset=utf-8').send(body)
    })
  }
}
