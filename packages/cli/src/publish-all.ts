// Publishing a batch: one call, sent again while the gateway cannot be reached, because every event has a key.

import { type Client, graphql, succeeded } from './client.ts'
import { CommandFailure, EXIT } from './failure.ts'
import type { EventInput, OnInvalid } from './gql/graphql.ts'

const PUBLISH = graphql(`
  mutation CliPublish($input: PublishEventsInput!) {
    publishEvents(input: $input) {
      __typename
      ... on PublishEventsSuccess {
        events {
          index
          id
          duplicate
          deliveryCount
        }
        skipped {
          index
          issues {
            path
            message
          }
        }
      }
      ...CliRefusal
    }
  }
`)

/** What became of one event. */
export type PublishedOrParked =
  | { readonly id: string; readonly duplicate: boolean; readonly deliveryCount: number }
  | { readonly error: string }

const MAX_TRIES = 10

/** Publishes events that all have keys; those that are invalid are answered with what is wrong. Throws CommandFailure. */
export async function publishAll(client: Client, events: EventInput[]): Promise<PublishedOrParked[]> {
  for (let tries = 1; ; tries++) {
    try {
      return await publishOnce(client, events, 'SKIP')
    } catch (error) {
      const isAway = error instanceof CommandFailure && error.exitCode === EXIT.unavailable
      if (!isAway || tries >= MAX_TRIES) throw error
      await new Promise((resolve) => setTimeout(resolve, Math.min(5_000, 200 * 2 ** tries)))
    }
  }
}

/** One call. Throws CommandFailure; with REFUSE also for an event that is invalid. */
export async function publishOnce(
  client: Client,
  events: EventInput[],
  onInvalid: OnInvalid,
): Promise<PublishedOrParked[]> {
  const { publishEvents } = await client.ask(PUBLISH, { input: { tenantId: client.tenantId, events, onInvalid } })
  const { events: stored, skipped } = succeeded(publishEvents)
  const results: PublishedOrParked[] = events.map(() => ({ error: 'The gateway gave no answer for this event.' }))
  for (const { index, id, duplicate, deliveryCount } of stored) results[index] = { id, duplicate, deliveryCount }
  for (const { index, issues } of skipped) results[index] = { error: issues.map(describe).join('; ') }
  return results
}

function describe({ path, message }: { path: readonly string[]; message: string }): string {
  const place = path.slice(3).join('.')
  return place ? `${place}: ${message}` : message
}
