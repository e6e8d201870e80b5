// How the console talks to the gateway: queries and mutations by POST, with the session's cookie and the header that
// proves the request comes from this page. What is pushed is in streams.ts.

import { useCallback } from 'react'
import { type AnyVariables, Client, cacheExchange, fetchExchange, mapExchange, useQuery } from 'urql'
import type { TypedDocumentString } from '../gql/graphql.ts'
import { sessionLost } from '../session/session-state.ts'
import { ApiError, type Fault, faultOfQuery } from './faults.ts'

export { graphql } from '../gql/gql.ts'

/** Sent with every request: another site's page cannot set it without asking first. */
export const OWN_PAGE = { 'x-sivo-csrf': '1' } as const

const watchSession = mapExchange({
  onResult(result) {
    if ((result.error?.response as Response | undefined)?.status === 401) sessionLost()
  },
})

/** Answers come whole; what streams is asked for by streams.ts. */
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
  /** What came last, also while a newer answer is on its way or after it failed. */
  readonly data: Data | undefined
  readonly fault: Fault | null
  readonly isLoading: boolean
  refetch(): void
}

/** Reads while the component is shown. A mutation that changes a type that was read makes it read again. */
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

/** Changes something. Throws ApiError; what the API answers as data, its own errors included, is returned. */
export async function mutate<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const result = await client.mutation<Data, Vars>(document.toString(), variables as Vars).toPromise()
  if (result.error || !result.data) throw new ApiError(faultOfQuery(result.error!))
  return result.data
}
