// Replies that are not GraphQL's, in its form: { errors: [{ message, extensions: { code } }] }.

import type { ServerResponse } from 'node:http'
import type { RequestErrorCode } from '../errors.ts'

type Headers = Record<string, string | number>

/** Sends JSON whole. */
export function replyJson(response: ServerResponse, status: number, value: unknown, headers: Headers = {}): void {
  const text = JSON.stringify(value)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(text)
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
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(text)
}
