// Replies that leave whole. Those that are not GraphQL's have its form: { errors: [{ message, extensions: { code } }] }.

import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { RequestErrorCode } from '../errors.ts'
import type { UnreadableRequest } from './request-body.ts'

type Headers = Record<string, string | number>

/** Sends a reply in one piece: head and body leave in a single write. */
export function replyWhole(response: ServerResponse, status: number, text: string, headers: OutgoingHttpHeaders): void {
  response.writeHead(status, {
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...headers,
  })
  response.end(text)
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
  replyJson(
    response,
    status,
    { errors: [error], ...(more.extensions ? { extensions: more.extensions } : {}) },
    more.headers,
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
