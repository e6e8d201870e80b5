// The gateway's API, typed by schema.graphql. A fault becomes a CommandFailure with one sentence that says what to do.

import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { CommandFailure, EXIT, refused } from './failure.ts'
import { graphql } from './gql/gql.ts'
import type { TypedDocumentString } from './gql/graphql.ts'
import type { Connection } from './profiles.ts'

export { graphql }

type Document<Result, Variables> = TypedDocumentString<Result, Variables>
type GraphQLFault = { message: string; extensions?: { code?: string; requestId?: string } }
type Reply<Result> = { data?: Result | null; errors?: GraphQLFault[] }

const REQUEST_TIMEOUT_MS = 30_000
const PING_EVERY_MS = 10_000
const PONG_WITHIN_MS = 5_000
/** The gateway closes a socket with these when the same client would be refused again. */
const FINAL_CLOSE_CODES = new Set([4400, 4401, 4403, 4406])

export type Client = {
  readonly url: string
  readonly tenantId: string | null
  /** One operation. Throws CommandFailure. */
  ask<Result, Variables>(document: Document<Result, Variables>, variables: Variables): Promise<Result>
  /** One HTTP request as this credential, for what is not GraphQL. */
  fetch(path: string, init?: RequestInit): Promise<Response>
  /** A subscription that reconnects for ever. `variables` is read again at each reconnect. Ends when `signal` is aborted. */
  subscribe<Result, Variables extends Record<string, unknown>>(
    document: Document<Result, Variables>,
    variables: Variables,
    on: SubscriptionEvents<Result>,
  ): Promise<void>
}

export type SubscriptionEvents<Result> = {
  readonly signal: AbortSignal
  next(result: Result): void
  connected(): void
  /** Said once for each loss. */
  lost(reason: string): void
}

export function openClient(connection: Connection): Client {
  const { url, credential, tenantId } = connection
  const headers: Record<string, string> =
    credential.kind === 'key'
      ? { authorization: `Bearer ${credential.value}` }
      : // A session counts only from the gateway's own page, or from a program that says it is none of another site's.
        { cookie: credential.value, 'x-sivo-csrf': '1', origin: new URL(url).origin }

  async function send(path: string, init: RequestInit = {}): Promise<Response> {
    try {
      return await fetch(url + path, {
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        ...init,
        headers: { ...headers, ...(init.headers as Record<string, string>) },
      })
    } catch (error) {
      throw unreachable(url, error)
    }
  }

  return {
    url,
    tenantId,
    fetch: send,
    async ask(document, variables) {
      const response = await send('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
        body: JSON.stringify({ query: document.toString(), variables }),
      })
      const reply = await readReply<typeof document extends Document<infer Result, never> ? Result : never>(
        url,
        response,
      )
      return reply as never
    },
    async subscribe(document, variables, { signal, next, connected, lost }) {
      let isLost = false
      let isRefused = false
      let pong: NodeJS.Timeout | undefined
      let socket: WebSocket | undefined
      const sayLost = (reason: string) => {
        if (isLost || isRefused || signal.aborted) return
        isLost = true
        lost(reason)
      }
      const client = createClient({
        url: `${url.replace(/^http/, 'ws')}/graphql`,
        webSocketImpl: class extends WebSocket {
          constructor(address: string, protocol: string) {
            super(address, protocol, { headers, handshakeTimeout: REQUEST_TIMEOUT_MS })
          }
        },
        connectionParams: credential.kind === 'key' ? { authorization: `Bearer ${credential.value}` } : {},
        lazyCloseTimeout: 0,
        retryAttempts: Number.POSITIVE_INFINITY,
        shouldRetry: () => true,
        // A machine that slept finds a socket that looks open: only an answer shows that it is.
        keepAlive: PING_EVERY_MS,
        retryWait: (retries) => new Promise((resolve) => setTimeout(resolve, Math.min(5_000, 250 * 2 ** retries))),
        on: {
          opened: (opened) => {
            socket = opened as WebSocket
          },
          connected: () => {
            isLost = false
            connected()
          },
          ping: (received) => {
            if (received) return
            clearTimeout(pong)
            pong = setTimeout(() => socket?.terminate(), PONG_WITHIN_MS)
          },
          pong: () => clearTimeout(pong),
          closed: (event) => {
            clearTimeout(pong)
            sayLost(closeReason(event))
          },
          error: (error) => sayLost(reasonOf(error)),
        },
      })
      try {
        await new Promise<void>((resolve, fail) => {
          const reject = (failure: CommandFailure) => {
            isRefused = true
            fail(failure)
          }
          const end = client.subscribe<Record<string, unknown>>(
            { query: document.toString(), variables },
            {
              next: ({ data, errors }) => {
                if (errors?.length) return reject(failureOf(errors as unknown as GraphQLFault[]))
                if (data) next(data as never)
              },
              error: (error) => reject(subscriptionFailure(url, error)),
              complete: () =>
                signal.aborted ? resolve() : reject(refused('The gateway ended the subscription without a reason.')),
            },
          )
          signal.addEventListener('abort', () => {
            end()
            resolve()
          })
          if (signal.aborted) resolve()
        })
      } finally {
        clearTimeout(pong)
        await client.dispose()
        socket?.terminate()
      }
    },
  }
}

async function readReply<Result>(url: string, response: Response): Promise<Result> {
  const text = await response.text().catch((error: unknown) => {
    throw unreachable(url, error)
  })
  let reply: Reply<Result>
  try {
    reply = JSON.parse(text) as Reply<Result>
  } catch {
    throw new CommandFailure(
      response.status >= 500 ? EXIT.unavailable : EXIT.usage,
      `Expected a GraphQL reply from ${url}/graphql, got HTTP ${response.status} with ${response.headers.get('content-type') ?? 'no content type'}. Is this the address of a SIVO gateway?`,
    )
  }
  if (reply.errors?.length) throw failureOf(reply.errors, response.headers.get('retry-after'))
  if (reply.data === undefined || reply.data === null)
    throw new CommandFailure(EXIT.unavailable, `Expected data from ${url}/graphql, got HTTP ${response.status}.`)
  return reply.data
}

const NOT_ALLOWED = new Set(['UNAUTHENTICATED', 'FORBIDDEN', 'WRONG_CELL'])
const LATER = new Set(['RATE_LIMITED', 'SERVICE_UNAVAILABLE', 'INTERNAL_SERVER_ERROR'])

function failureOf(errors: readonly GraphQLFault[], retryAfter: string | null = null): CommandFailure {
  const code = errors[0]?.extensions?.code ?? 'UNKNOWN'
  const message = errors.map((error) => withOption(error.message)).join(' ')
  const exitCode = NOT_ALLOWED.has(code) ? EXIT.notAllowed : LATER.has(code) ? EXIT.unavailable : EXIT.refused
  const wait = retryAfter ? ` Try again in ${retryAfter} s.` : ''
  return new CommandFailure(exitCode, `${message}${wait} (${code})`, { code })
}

function subscriptionFailure(url: string, error: unknown): CommandFailure {
  if (Array.isArray(error)) return failureOf(error as GraphQLFault[])
  const close = error as { code?: number; reason?: string }
  if (typeof close.code === 'number' && FINAL_CLOSE_CODES.has(close.code))
    return new CommandFailure(
      close.code === 4403 || close.code === 4401 ? EXIT.notAllowed : EXIT.refused,
      `The gateway does not accept this key or session for subscriptions (${close.code} ${close.reason || 'no reason'}). Run "sivo login" again.`,
    )
  return unreachable(url, error)
}

function unreachable(url: string, error: unknown): CommandFailure {
  return new CommandFailure(
    EXIT.unavailable,
    `The gateway at ${url} cannot be reached: ${reasonOf(error)}. Check the address (--url) and that it runs.`,
  )
}

function closeReason(event: unknown): string {
  const { code, reason } = event as { code?: number; reason?: string }
  if (code === 1001) return 'the gateway is restarting'
  return reason ? reason : code === undefined || code === 1006 ? 'the connection broke' : `close code ${code}`
}

/** The innermost reason of an error, in words. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'it did not answer in time'
  const cause = (error as { cause?: unknown })?.cause
  if (cause) return reasonOf(cause)
  const { code, message } = error as { code?: string; message?: string }
  if (code === 'ECONNREFUSED') return 'nothing listens there (ECONNREFUSED)'
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return 'it does not speak TLS: try http:// (ERR_SSL_WRONG_VERSION_NUMBER)'
  if (code === 'ENOTFOUND') return 'its name is unknown (ENOTFOUND)'
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') return 'the connection broke'
  return message || code || 'an unknown reason'
}

/** The API says to name a tenant; here an option does that. */
const withOption = (message: string): string =>
  message.replace(/got none[.;] name the tenant\.?$/i, 'got none. Pass --tenant ten_…, or set SIVO_TENANT.')

/** What a mutation selects beside its success. */
graphql(`
  fragment CliRefusal on Error {
    message
    ... on ValidationError {
      issues {
        path
        message
      }
    }
  }
`)

type ErrorMember = {
  __typename: 'ValidationError' | 'NotFoundError' | 'ConflictError'
  message: string
  issues?: readonly { path: readonly string[]; message: string }[]
}

/** A mutation's success. Throws CommandFailure for the error that came instead, with every issue. */
export function succeeded<Result extends { __typename: string }>(
  result: Result,
): Exclude<Result, { __typename: ErrorMember['__typename'] }> {
  if (!/^(Validation|NotFound|Conflict)Error$/.test(result.__typename)) return result as never
  const { message, issues = [] } = result as unknown as ErrorMember
  // The message of a ValidationError is its first issue.
  const lines = issues.map((issue) => `${issue.path.join('.')}: ${withOption(issue.message)}`)
  throw refused(lines.join('\n') || message, { issues })
}
