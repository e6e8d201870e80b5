// A bulk retry or a replay that the command line started, followed to its end.

import { setTimeout as delay } from 'node:timers/promises'
import { type Client, graphql } from '../client.ts'
import { refused } from '../failure.ts'
import type { CliBulkRetryFragment } from '../gql/graphql.ts'
import type { Output } from '../output.ts'

const PROGRESS = graphql(`
  query CliBulkRetryProgress($id: ID!) {
    node(id: $id) {
      ... on BulkRetry {
        ...CliBulkRetry
      }
    }
  }
  fragment CliBulkRetry on BulkRetry {
    id
    status
    total
    totalPrecision
    retried
    succeeded
    deadLettered
  }
`)

export const BULK_OPTIONS = {
  'max-per-second': { type: 'number', describe: 'Speed limit; without it as fast as the receivers take them' },
  wait: { type: 'boolean', default: true, describe: 'Wait until all have been tried; --no-wait returns at once' },
} as const

type Words = { readonly things: string; readonly done: 'retried' | 'replayed' }

/** Tells how far it is until it ends, and then its result. Throws CommandFailure if something became a dead letter. */
export async function followBulkRetry(
  client: Client,
  output: Output,
  started: CliBulkRetryFragment,
  { things, done, wait }: Words & { readonly wait: boolean },
): Promise<void> {
  let progress = started
  output.note(
    progress.total === 0 && progress.totalPrecision === 'EXACT'
      ? `There is nothing that can be ${done}.`
      : `${totalOf(progress)} ${things} are ${done} as ${progress.id}.`,
  )
  while (wait && (progress.status === 'RUNNING' || progress.status === 'PAUSED')) {
    await delay(1_000)
    const { node } = await client.ask(PROGRESS, { id: progress.id })
    if (!node || !('total' in node)) break
    const before = progress.retried
    progress = node as typeof progress
    if (progress.retried !== before)
      output.note(`${progress.retried} of ${totalOf(progress)} ${done}, ${progress.succeeded} succeeded`)
  }
  output.result(
    progress,
    `${progress.id}  ${progress.status}  ${progress.retried} of ${totalOf(progress)} ${done}, ${progress.succeeded} succeeded, ${progress.deadLettered} dead letters again`,
  )
  if (wait && progress.deadLettered > 0) throw refused(`${progress.deadLettered} deliveries became dead letters again.`)
}

/** A replay of many events starts before all of them are counted. */
function totalOf({ total, totalPrecision }: Pick<CliBulkRetryFragment, 'total' | 'totalPrecision'>): string {
  return totalPrecision === 'EXACT' ? String(total) : `at least ${total}`
}
