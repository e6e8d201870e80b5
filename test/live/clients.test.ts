// Real clients of subscriptions, over a restart of the gateway: deliveries that change before, during and after it come to
// each client at least once. The recipes are those of docs/clients.md.

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache, type InMemoryCacheConfig } from '@apollo/client'
import { CombinedGraphQLErrors } from '@apollo/client/errors'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { SubscriptionProtocol, UrlLoader } from '@graphql-tools/url-loader'
import { fetchEventSource } from '@microsoft/fetch-event-source'
import { EventSource } from 'eventsource'
import { type GraphQLSchema, parse } from 'graphql'
import { createClient as createEventsClient } from 'graphql-sse'
import { createClient } from 'graphql-ws'
import { tap } from 'rxjs'
import { createClient as createUrql, fetchExchange, type OperationResult, subscriptionExchange } from 'urql'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { type LiveGateway, openLiveGateway } from './live-gateway.ts'

let gateway: LiveGateway
beforeAll(async () => {
  gateway = await openLiveGateway()
})
afterAll(() => gateway.close())

const QUERY =
  'subscription Changes($after: String) { deliveryUpdates(after: $after) { cursor resyncRequired deliveries { id } } }'
type Update = { deliveryUpdates: { cursor: string; resyncRequired: boolean; deliveries: { id: string }[] } }

/** What a client was given. */
function createSeen() {
  const ids = new Set<string>()
  let batches = 0
  return {
    ids,
    batches: () => batches,
    take({ deliveryUpdates }: Update) {
      batches++
      expect(deliveryUpdates.resyncRequired).toBe(false)
      for (const { id } of deliveryUpdates.deliveries) ids.add(id)
    },
  }
}
type Seen = ReturnType<typeof createSeen>

/** Deliveries change before, while and after the server is gone; the client must be given all of them. */
async function expectAllOverRestart(seen: Seen): Promise<void> {
  await expect.poll(seen.batches).toBeGreaterThan(0)
  const expected = await gateway.deliver(3)
  await expect.poll(() => seen.ids.size).toBe(3)
  await gateway.stop()
  expected.push(...(await gateway.deliver(3)))
  await gateway.start()
  expected.push(...(await gateway.deliver(3)))
  await expect.poll(() => [...seen.ids].sort(), { timeout: 20_000 }).toEqual(expected.sort())
}

const bearer = () => ({ authorization: `Bearer ${gateway.key}` })
const socketUrl = () => `${gateway.url.replace('http', 'ws')}/graphql`

describe('over a restart nothing is lost to', () => {
  test('graphql-ws, with its recipe', async () => {
    const client = createClient({
      url: socketUrl(),
      webSocketImpl: WebSocket,
      connectionParams: bearer(),
      shouldRetry: () => true,
      retryAttempts: Number.POSITIVE_INFINITY,
    })
    const seen = createSeen()
    const payload = { query: QUERY, variables: { after: null as string | null } }
    client.subscribe<Update>(payload, {
      next({ data }) {
        payload.variables.after = data!.deliveryUpdates.cursor
        seen.take(data!)
      },
      error: expect.unreachable as never,
      complete: () => {},
    })
    await expectAllOverRestart(seen)
    await client.dispose()
  }, 40_000)

  test('graphql-sse, with its recipe', async () => {
    const client = createEventsClient({
      url: `${gateway.url}/graphql`,
      headers: bearer(),
      retryAttempts: Number.POSITIVE_INFINITY,
    })
    const seen = createSeen()
    const payload = { query: QUERY, variables: { after: null as string | null } }
    client.subscribe<Update>(payload, {
      next({ data }) {
        payload.variables.after = data!.deliveryUpdates.cursor
        seen.take(data!)
      },
      error: expect.unreachable as never,
      complete: () => {},
    })
    await expectAllOverRestart(seen)
    client.dispose()
  }, 40_000)

  test('EventSource, which goes on from its last event by itself', async () => {
    const seen = createSeen()
    // The selection has no cursor: the id of the event is one all the same.
    const query = 'subscription { deliveryUpdates { resyncRequired deliveries { id } } }'
    const source = new EventSource(`${gateway.url}/graphql?${new URLSearchParams({ query })}`, {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...bearer() } }),
    })
    source.addEventListener('next', ({ data }) => seen.take(JSON.parse(data).data))
    await expectAllOverRestart(seen)
    source.close()
    await expect.poll(gateway.openStreams).toBe(0)
  }, 40_000)

  test('urql over server-sent events, when it subscribes again', async () => {
    const client = createUrql({
      url: `${gateway.url}/graphql`,
      exchanges: [fetchExchange],
      fetchSubscriptions: true,
      preferGetMethod: false,
      fetchOptions: { headers: bearer() },
    })
    const seen = createSeen()
    let after: string | null = null
    let ended = false
    const watch = () => {
      const stream = client.subscription<Update>(QUERY, { after }, { requestPolicy: 'network-only' })
      const { unsubscribe } = stream.subscribe(({ data, error }: OperationResult<Update>) => {
        if (data && !error) {
          after = data.deliveryUpdates.cursor
          seen.take(data)
        }
        if (error) {
          unsubscribe()
          if (!ended) setTimeout(watch, 200)
        }
      })
      leave = unsubscribe
    }
    let leave = () => {}
    watch()
    await expectAllOverRestart(seen)
    ended = true
    leave()
    await expect.poll(gateway.openStreams).toBe(0)
  }, 40_000)

  test('urql over graphql-ws, with its recipe', async () => {
    const socket = createClient({
      url: socketUrl(),
      webSocketImpl: WebSocket,
      connectionParams: bearer(),
      shouldRetry: () => true,
      retryAttempts: Number.POSITIVE_INFINITY,
    })
    const seen = createSeen()
    const client = createUrql({
      url: `${gateway.url}/graphql`,
      preferGetMethod: false,
      exchanges: [
        subscriptionExchange({
          forwardSubscription({ query, variables }) {
            const payload = { query: query!, variables: { ...variables } as Record<string, unknown> }
            return {
              subscribe: ({ next, ...sink }) => ({
                unsubscribe: socket.subscribe<Update>(payload, {
                  next(result) {
                    payload.variables['after'] = result.data?.deliveryUpdates.cursor
                    next(result as never)
                  },
                  ...sink,
                }),
              }),
            }
          },
        }),
      ],
    })
    const { unsubscribe } = client.subscription<Update>(QUERY, {}).subscribe(({ data, error }) => {
      expect(error).toBeUndefined()
      seen.take(data!)
    })
    await expectAllOverRestart(seen)
    unsubscribe()
    await socket.dispose()
  }, 40_000)

  test('Apollo Client over graphql-ws, with its recipe', async () => {
    const socket = createClient({
      url: socketUrl(),
      webSocketImpl: WebSocket,
      connectionParams: bearer(),
      shouldRetry: () => true,
      retryAttempts: Number.POSITIVE_INFINITY,
    })
    const seen = createSeen()
    // graphql-ws sends the operation's variables again with each new connection.
    const resuming = new ApolloLink((operation, forward) =>
      forward(operation).pipe(
        tap(({ data }) => {
          operation.variables['after'] = (data as Update | null)?.deliveryUpdates.cursor
        }),
      ),
    )
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: ApolloLink.from([resuming, new GraphQLWsLink(socket)]),
    })
    const watching = client
      .subscribe<Update>({ query: gql(QUERY), variables: { after: null }, fetchPolicy: 'no-cache' })
      .subscribe(({ data, error }) => {
        expect(error).toBeUndefined()
        seen.take(data!)
      })
    await expectAllOverRestart(seen)
    watching.unsubscribe()
    client.stop()
    await socket.dispose()
  }, 40_000)
})

describe('over a restart nothing is lost either to', () => {
  test('fetch-event-source, which sends its POST again with its last event id', async () => {
    // It is made for browsers: it asks the window for its timers and the document whether it is seen.
    vi.stubGlobal('window', globalThis)
    vi.stubGlobal('document', new EventTarget())
    const seen = createSeen()
    const leaving = new AbortController()
    const query = 'subscription { deliveryUpdates { resyncRequired deliveries { id } } }'
    const ended = fetchEventSource(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { ...bearer(), 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
      signal: leaving.signal,
      openWhenHidden: true,
      fetch,
      onmessage({ event, data }) {
        if (event === 'next') seen.take(JSON.parse(data).data)
      },
      onerror: () => 200,
    })
    await expectAllOverRestart(seen)
    leaving.abort()
    await ended
    vi.unstubAllGlobals()
    await expect.poll(gateway.openStreams).toBe(0)
  }, 40_000)
})

test('the URL loader of graphql-tools reads the schema, and watches over both ways', async () => {
  const loader = new UrlLoader()
  const [{ schema }] = (await loader.load(`${gateway.url}/graphql`, { headers: bearer() })) as [
    { schema: GraphQLSchema },
  ]
  expect(schema.getSubscriptionType()!.getFields()).toHaveProperty('deliveryUpdates')
  for (const subscriptionsProtocol of [SubscriptionProtocol.GRAPHQL_SSE, SubscriptionProtocol.WS]) {
    const execute = loader.getExecutorAsync(`${gateway.url}/graphql`, {
      headers: bearer(),
      connectionParams: bearer(),
      subscriptionsProtocol,
    })
    const updates = (await execute({ document: parse(QUERY) })) as AsyncIterable<{ data: Update }>
    for await (const { data } of updates) {
      expect(data.deliveryUpdates).toMatchObject({ resyncRequired: false, deliveries: [] })
      break
    }
  }
  await expect.poll(gateway.openStreams).toBe(0)
}, 40_000)

describe('Apollo Client', () => {
  const VIEWER = gql('query Viewer { viewer { role } }')
  const clientOf = (http: HttpLink.Options, before: ApolloLink[] = []) => {
    const link = new HttpLink({ uri: `${gateway.url}/graphql`, headers: bearer(), ...http })
    return new ApolloClient({ cache: new InMemoryCache(), link: ApolloLink.from([...before, link]) })
  }
  const hashed = (useGETForHashedQueries: boolean) =>
    new PersistedQueryLink({ generateHash: () => 'a'.repeat(64), useGETForHashedQueries })

  test('asks by POST and by GET', async () => {
    for (const useGETForQueries of [false, true]) {
      const { data } = await clientOf({ useGETForQueries }).query({ query: VIEWER })
      expect(data).toEqual({ viewer: { __typename: 'Viewer', role: 'VIEWER' } })
    }
  })

  test('with automatic persisted queries sends its document once it is told that hashes are not known here', async () => {
    for (const byGet of [false, true]) {
      const client = clientOf({}, [hashed(byGet)])
      for (let asked = 0; asked < 2; asked++) {
        const { data } = await client.query({ query: VIEWER, fetchPolicy: 'network-only' })
        expect(data).toMatchObject({ viewer: { role: 'VIEWER' } })
      }
    }
  })

  test('reads the code of a refusal whatever its status', async () => {
    const refused = await clientOf({ headers: { authorization: 'Bearer sivo_unknown' } })
      .query({ query: VIEWER })
      .then(
        () => expect.unreachable(),
        (error: unknown) => error,
      )
    expect(CombinedGraphQLErrors.is(refused)).toBe(true)
    expect((refused as CombinedGraphQLErrors).errors[0]!.extensions).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  // Without the recipe the cache does not know that the type is an Error, and takes its fields out of the answer.
  test('reads the error in the answer of a mutation, with the possible types of its recipe', async () => {
    const headers = { authorization: `Bearer ${await gateway.adminKey()}` }
    const link = new HttpLink({ uri: `${gateway.url}/graphql`, headers })
    const mutation = gql(
      'mutation { pauseEndpoint(id: "ep_unknown") { ... on PauseEndpointSuccess { endpoint { id } } ... on Error { code message } } }',
    )
    const answered = async (options: InMemoryCacheConfig) =>
      (await new ApolloClient({ cache: new InMemoryCache(options), link }).mutate({ mutation })).data
    vi.spyOn(console, 'warn').mockImplementation(() => undefined) // It warns of the types that it does not know.
    expect(await answered({})).toEqual({ pauseEndpoint: { __typename: 'NotFoundError' } })
    const read = await answered({ possibleTypes: { Error: ['ConflictError', 'NotFoundError', 'ValidationError'] } })
    expect(read).toMatchObject({ pauseEndpoint: { code: 'NOT_FOUND', message: expect.any(String) } })
    vi.restoreAllMocks()
  })

  test('that subscribes through its HTTP link is told in words where streams are', async () => {
    const query = gql('subscription { deliveryUpdates { cursor } }')
    const told = await new Promise<unknown>((resolve) => {
      clientOf({})
        .subscribe({ query })
        .subscribe(({ error }) => error && resolve(error))
    })
    expect(String(told)).toContain('accept: text/event-stream')
    expect(gateway.openStreams()).toBe(0)
  })
})
