// GraphQL over HTTP as a careful publisher uses it: one request, and its answer or the reason why there is none.

export type ApiAccess = { readonly url: string; readonly key: string }

/** Nothing was acknowledged. The same request may be sent again. */
export class TryAgain extends Error {
  override name = 'TryAgain'
  /** Of the answer; null: there was none. */
  readonly status: number | null

  constructor(message: string, { status = null, cause }: { status?: number | null; cause?: unknown } = {}) {
    super(message, { cause })
    this.status = status
  }
}

/** The answer is an error that a repeated request gets too. */
export class Refused extends Error {
  override name = 'Refused'
  /** Those of the first error. */
  readonly extensions: { readonly code?: string; readonly cell?: string; readonly url?: string }

  constructor(message: string, extensions: Refused['extensions']) {
    super(message)
    this.extensions = extensions
  }
}

const RETRYABLE = new Set(['SERVICE_UNAVAILABLE', 'RATE_LIMITED'])

/** Returns the data of the operation. Throws TryAgain for a lost connection, no answer in `timeoutMs`, and retryable errors; else Refused. */
export async function ask<Data>(
  { url, key }: ApiAccess,
  query: string,
  variables: object,
  timeoutMs = 10_000,
): Promise<Data> {
  const body = JSON.stringify({ query, variables })
  let reply: Response
  let text: string
  try {
    reply = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    })
    text = await reply.text()
  } catch (error) {
    throw new TryAgain(`No answer: ${(error as Error).message}`, { cause: error })
  }
  const answer = parse(text)
  const code = answer?.errors?.[0]?.extensions?.code
  if (answer?.data && !answer.errors) return answer.data as Data
  const shown = `HTTP ${reply.status}: ${text.slice(0, 500)}`
  if ((code !== undefined && RETRYABLE.has(code)) || reply.status === 503)
    throw new TryAgain(shown, { status: reply.status })
  throw new Refused(`Expected data, got ${shown}`, answer?.errors?.[0]?.extensions ?? {})
}

type Answer = { data?: unknown; errors?: { extensions?: Refused['extensions'] }[] }

function parse(text: string): Answer | null {
  try {
    return JSON.parse(text) as Answer
  } catch {
    return null
  }
}

/** Runs a document with one mutation, which must succeed. Returns its result. Throws as `ask` and `expectSuccess` do. */
export async function mutate<Success>(api: ApiAccess, mutation: string, variables: object): Promise<Success> {
  const answer = await ask<Record<string, { __typename: string }>>(api, mutation, variables)
  return expectSuccess<Success>(Object.values(answer)[0]!)
}

/** Returns the result of a mutation that succeeded. Throws an error with any other result. */
export function expectSuccess<Success>(result: { __typename: string }): Success {
  if (!result.__typename.endsWith('Success')) throw new Error(`Expected a success, got ${JSON.stringify(result)}`)
  return result as Success
}
