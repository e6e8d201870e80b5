// The errors of API requests, as one value that a page can show: a sentence, its cause, and whether a retry may help.

import type { CombinedError } from 'urql'

export type Fault = {
  readonly title: string
  readonly detail: string
  /** The `extensions.code` of the API, or `NETWORK`. */
  readonly code: string
  readonly requestId: string | null
}

export class ApiError extends Error {
  readonly fault: Fault
  constructor(fault: Fault) {
    super(fault.detail)
    this.name = 'ApiError'
    this.fault = fault
  }
}

const TITLES: Record<string, string> = {
  NETWORK: 'The gateway cannot be reached',
  SERVICE_UNAVAILABLE: 'The gateway has lost its database for the moment',
  WRONG_CELL: 'You are at another cell than the one you belong to',
  RATE_LIMITED: 'Too many requests at once',
  COMPLEXITY_LIMIT: 'This view asks for too much at once',
  FORBIDDEN: 'Your role does not allow this',
  NOT_FOUND: 'There is no such thing, or it is not yours',
  BAD_USER_INPUT: 'The gateway did not take this filter',
  UNAUTHENTICATED: 'You are signed out',
}

type WireError = { readonly message: string; readonly extensions?: Record<string, unknown> | undefined }

/** The first error of a reply. */
export function faultOf(errors: readonly WireError[]): Fault {
  const [first] = errors
  const code = String(first?.extensions?.['code'] ?? 'UNKNOWN')
  const requestId = first?.extensions?.['requestId']
  return {
    title: TITLES[code] ?? 'The gateway could not answer',
    detail: first?.message ?? 'It gave no reason.',
    code,
    requestId: typeof requestId === 'string' ? requestId : null,
  }
}

const NETWORK_FAULT: Fault = {
  title: TITLES['NETWORK']!,
  detail: 'No answer came. The gateway may be restarting, or the network is down.',
  code: 'NETWORK',
  requestId: null,
}

export function faultOfQuery(error: CombinedError): Fault {
  return error.graphQLErrors.length > 0 ? faultOf(error.graphQLErrors) : NETWORK_FAULT
}

/** A fault for any thrown value. */
export function asFault(error: unknown): Fault {
  if (error instanceof ApiError) return error.fault
  return {
    title: 'Something went wrong in this page',
    detail: error instanceof Error ? error.message : String(error),
    code: 'CONSOLE',
    requestId: null,
  }
}
