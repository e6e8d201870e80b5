// Sends any document unchanged. Returns the answer with its status and extensions.

import { OWN_PAGE } from './client.ts'

/** The headers that a program outside the console sends. */
export const API_HEADERS = [
  { name: 'authorization', value: 'Bearer YOUR_KEY' },
  { name: 'content-type', value: 'application/json' },
] as const

export type RawReply = {
  readonly status: number
  readonly ms: number
  readonly body: unknown
  readonly cost: { readonly requested: number; readonly limit: number } | null
  readonly rateLimit: { readonly remaining: number; readonly limit: number } | null
}

type Extensions = { cost?: { requested: number; limit: number }; rateLimit?: { limit: number; remaining: number } }
export type RawRequest = { query: string; variables?: Record<string, unknown>; operationName?: string }

/** Returns every answer, errors included. Throws only what fetch throws. */
export async function sendDocument(request: RawRequest, signal?: AbortSignal): Promise<RawReply> {
  const startedAt = performance.now()
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { ...OWN_PAGE, 'content-type': 'application/json', accept: 'application/graphql-response+json' },
    credentials: 'same-origin',
    body: JSON.stringify(request),
    ...(signal ? { signal } : {}),
  })
  const text = await response.text()
  const ms = performance.now() - startedAt
  const body = parsed(text)
  const { cost = null, rateLimit = null } = (body as { extensions?: Extensions } | null)?.extensions ?? {}
  return { status: response.status, ms, body, cost, rateLimit }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
