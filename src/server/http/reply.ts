// Replies that leave whole. Those that are not GraphQL's have its form: { errors: [{ message, extensions: { code } }] }.

import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { RequestErrorCode } from '../../errors.ts'
import { compress, isWorthCompressing, offeredCodingOf } from './compression.ts'
import { GRAPHQL_RESPONSE_TYPE, JSON_TYPE, preferredType } from './negotiation.ts'
import type { UnreadableRequest } from './request-body.ts'

type Headers = Record<string, string | number>

/**
 * Sends a reply in one piece: head and body leave in a single write. A large one is compressed where the client accepts a
 * coding for it.
 */
export function replyWhole(response: ServerResponse, status: number, text: string, headers: OutgoingHttpHeaders): void {
  const send = (body: string | Buffer, more: OutgoingHttpHeaders = {}) => {
    response.writeHead(status, {
      'cache-control': 'no-store',
      ...headers,
      ...more,
      'content-length': Buffer.byteLength(body),
    })
    response.end(body)
  }
  const isLarge = isWorthCompressing(text, String(headers['content-type']))
  if (isLarge) response.appendHeader('vary', 'accept-encoding')
  const coding = isLarge ? offeredCodingOf(response.req.headers['accept-encoding']) : null
  if (coding === null) send(text)
  else
    compress(text, coding).then(
      (body) => send(body, { 'content-encoding': coding }),
      () => send(text),
    )
}

/** Sends JSON whole. */
export function replyJson(response: ServerResponse, status: number, value: unknown, headers: Headers = {}): void {
  replyWhole(response, status, JSON.stringify(value), {
    'content-type': 'application/json; charset=utf-8',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
}

/** Sends a refusal with its code, and what else the caller is told. */
export function replyError(
  response: ServerResponse,
  status: number,
  code: RequestErrorCode,
  message: string,
  more: { headers?: Headers; extensions?: object; errorExtensions?: object } = {},
): void {
  const error = { message, extensions: { code, ...more.errorExtensions } }
  // Clients that know this type read an error's code whatever its status; of another type they see the status alone.
  const type = preferredType(response.req.headers.accept) === GRAPHQL_RESPONSE_TYPE ? GRAPHQL_RESPONSE_TYPE : JSON_TYPE
  replyJson(
    response,
    status,
    { errors: [error], ...(more.extensions ? { extensions: more.extensions } : {}) },
    { 'content-type': `${type}; charset=utf-8`, ...more.headers },
  )
}

/** Sends text whole. */
export function replyText(response: ServerResponse, status: number, text: string, headers: Headers = {}): void {
  replyWhole(response, status, text, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
}

/** Says why a request cannot be read. */
export function replyUnreadable(
  response: ServerResponse,
  { status, message }: UnreadableRequest,
  extensions?: object,
): void {
  replyError(response, status, 'BAD_USER_INPUT', message, extensions ? { extensions } : {})
}
