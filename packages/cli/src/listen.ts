// Forwards a tenant's events to a local URL. Promise: each event that is accepted while the command runs is forwarded once,
// in the order in which the gateway tells of them, whatever happens to the connection. The subscription's cursor bridges a
// broken connection; where it cannot, because too much changed, the missing deliveries are read from the list.

import { type Client, graphql, reasonOf } from './client.ts'
import { CommandFailure, EXIT } from './failure.ts'
import { requestHeaders } from './sign-request.ts'

export type ForwardedEvent = {
  readonly eventId: string
  readonly eventType: string
  readonly deliveryId: string
  readonly endpointName: string
  readonly body: string
}

export type Exchange = {
  readonly event: ForwardedEvent
  /** null: the local receiver did not answer, `error` says why. */
  readonly status: number | null
  readonly error: string | null
  readonly latencyMs: number
}

export type ListenOptions = {
  readonly client: Client
  readonly forwardTo: string
  readonly secret: string
  readonly endpointIds: readonly string[] | null
  readonly eventTypes: readonly string[] | null
  /** Events that were accepted before this are not forwarded. Time of the gateway. */
  readonly since: Date
  readonly timeoutMs: number
  readonly signal: AbortSignal
  onExchange(exchange: Exchange): void | Promise<void>
  onState(state: { readonly connected: boolean; readonly text: string }): void
}

const UPDATES = graphql(`
  subscription CliListen($filter: DeliveryFilter, $after: String) {
    deliveryUpdates(filter: $filter, after: $after) {
      cursor
      droppedCount
      resyncRequired
      deliveries {
        ...ListenedDelivery
      }
    }
  }
  fragment ListenedDelivery on Delivery {
    id
    event {
      id
      type
      body
    }
    endpoint {
      name
    }
  }
`)

const MISSED = graphql(`
  query CliMissed($filter: DeliveryFilter, $after: String) {
    deliveries(filter: $filter, first: 50, after: $after) {
      nodes {
        ...ListenedDelivery
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

type Listened = {
  id: string
  event: { id: string; type: string; body?: string | null }
  endpoint: { name: string }
}

/** Listens until the signal is aborted; what is being forwarded then is finished. Throws CommandFailure when refused. */
export async function listen(options: ListenOptions): Promise<void> {
  const { client } = options
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const filter = {
    tenantId: client.tenantId,
    endpointIds: options.endpointIds ? [...options.endpointIds] : null,
    eventTypes: options.eventTypes ? [...options.eventTypes] : null,
    from: options.since.toISOString(),
  }
  // One object for all reconnects: what is changed here is sent with the next one.
  const variables: { filter: typeof filter; after: string | null } = { filter, after: null }
  const seen = new Set<string>()
  let work: Promise<void> = Promise.resolve()
  let failure: unknown = null

  const forwardAll = async (deliveries: readonly Listened[]) => {
    for (const delivery of deliveries) {
      if (seen.has(delivery.event.id)) continue
      remember(seen, delivery.event.id)
      // A payload that retention took cannot be forwarded.
      if (delivery.event.body == null) continue
      await options.onExchange(await forward(options, eventOf(delivery, delivery.event.body)))
    }
  }
  const inOrder = (step: () => Promise<void>) => {
    work = work.then(step).catch((error: unknown) => {
      failure ??= error
      ending.abort()
    })
  }

  await client.subscribe(UPDATES, variables, {
    signal,
    connected: () => options.onState({ connected: true, text: `Connected to ${client.url}.` }),
    lost: (reason) =>
      options.onState({ connected: false, text: `Not connected to ${client.url}: ${reason}. Trying again.` }),
    next: ({ deliveryUpdates: batch }) => {
      if (!batch) return
      const isFirst = variables.after === null
      inOrder(async () => {
        // What was accepted between `since` and the first batch is in the list, as is what a full buffer dropped.
        if (isFirst || batch.resyncRequired || batch.droppedCount > 0)
          await forwardAll(await whileAway(() => missed(client, filter, seen), signal))
        await forwardAll(batch.deliveries)
      })
      // The cursor goes on at once: what it passes is already in line here.
      variables.after = batch.cursor
    },
  })
  await work
  if (failure) throw failure
}

const REMEMBERED = 100_000
const AGAIN_MS = 1_000

/** Keeps the newest: a change of an older delivery is not sent, because the filter names a time. */
function remember(seen: Set<string>, id: string): void {
  seen.add(id)
  if (seen.size > REMEMBERED) seen.delete(seen.values().next().value!)
}

/** Reads again for as long as the gateway cannot be reached. */
async function whileAway<T>(read: () => Promise<readonly T[]>, signal: AbortSignal): Promise<readonly T[]> {
  while (!signal.aborted) {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.unavailable) throw error
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }
  return []
}

/** What the list holds and was not forwarded, oldest first. */
async function missed(
  client: Client,
  filter: Record<string, unknown>,
  seen: ReadonlySet<string>,
): Promise<readonly Listened[]> {
  const found: Listened[] = []
  let after: string | null = null
  for (;;) {
    const page: { nodes: readonly Listened[]; pageInfo: { hasNextPage: boolean; endCursor?: string | null } } | null =
      (await client.ask(MISSED, { filter, after })).deliveries ?? null
    if (!page) break
    found.push(...page.nodes.filter(({ event }) => !seen.has(event.id)))
    if (!page.pageInfo.hasNextPage) break
    after = page.pageInfo.endCursor ?? null
  }
  return found.reverse()
}

function eventOf({ id, event, endpoint }: Listened, body: string): ForwardedEvent {
  return { eventId: event.id, eventType: event.type, deliveryId: id, endpointName: endpoint.name, body }
}

/** One request to the local receiver. Never throws: no answer is an exchange too. */
export async function forward(
  { forwardTo, secret, timeoutMs }: Pick<ListenOptions, 'forwardTo' | 'secret' | 'timeoutMs'>,
  event: ForwardedEvent,
): Promise<Exchange> {
  const startedMs = performance.now()
  const latencyMs = () => Math.round(performance.now() - startedMs)
  try {
    const response = await fetch(forwardTo, {
      method: 'POST',
      headers: requestHeaders(event, secret, new Date()),
      body: event.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    await response.arrayBuffer().catch(() => null)
    return { event, status: response.status, error: null, latencyMs: latencyMs() }
  } catch (error) {
    return { event, status: null, error: reasonOf(error), latencyMs: latencyMs() }
  }
}
