// Sends queries and mutations to the gateway by POST, with the cookie of the session and a header that proves that the
// request comes from this page. Subscriptions are in streams.ts.

import { useCallback } from 'react'
import { type AnyVariables, Client, cacheExchange, fetchExchange, mapExchange, useQuery } from 'urql'
import type { TypedDocumentString } from '../gql/graphql.ts'
import { sessionLost } from '../session/session-state.ts'
import { ApiError, type Fault, faultOfQuery } from './faults.ts'

export { graphql } from '../gql/gql.ts'

/** Sent with every request. A page of another site cannot set it without a CORS preflight. */
export const OWN_PAGE = { 'x-sivo-csrf': '1' } as const

const watchSession = mapExchange({
  onResult(result) {
    if ((result.error?.response as Response | undefined)?.status === 401) sessionLost()
  },
})

/** Accepts only complete answers. streams.ts requests event streams. */
const WHOLE = 'application/graphql-response+json, application/json'

export const client = new Client({
  url: '/graphql',
  exchanges: [cacheExchange, watchSession, fetchExchange],
  preferGetMethod: false,
  requestPolicy: 'cache-and-network',
  fetchOptions: { headers: { ...OWN_PAGE, accept: WHOLE }, credentials: 'same-origin' },
})

type Vars = AnyVariables

export type QueryState<Data> = {
  /** The last answer, also while a newer one loads or after it failed. */
  readonly data: Data | undefined
  readonly fault: Fault | null
  readonly isLoading: boolean
  refetch(): void
}

/** Reads while the component is mounted. Reads again after a mutation that changes a type in the answer. */
export function useApiQuery<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  { pause = false }: { pause?: boolean } = {},
): QueryState<Data> {
  const [result, execute] = useQuery<Data, Vars>({ query: document.toString(), variables: variables as Vars, pause })
  const refetch = useCallback(() => execute({ requestPolicy: 'network-only' }), [execute])
  return {
    data: result.data,
    fault: result.error ? faultOfQuery(result.error) : null,
    isLoading: result.fetching || result.stale,
    refetch,
  }
}

/** Reads once, always from the gateway. Throws ApiError. */
export async function fetchQuery<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const result = await client
    .query<Data, Vars>(document.toString(), variables as Vars, { requestPolicy: 'network-only' })
    .toPromise()
  if (result.error || !result.data) throw new ApiError(faultOfQuery(result.error!))
  return result.data
}

/** Runs a mutation. Returns the data of the answer, including errors as data. Throws ApiError for other errors. */
export async function mutate<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const result = await client.mutation<Data, Vars>(document.toString(), variables as Vars).toPromise()
  if (result.error || !result.data) throw new ApiError(faultOfQuery(result.error!))
  return result.data
}
