import { expect, test } from 'vitest'
import { followBulkRetry } from '../../packages/cli/src/commands/bulk-retry.ts'
import type { CliBulkRetryFragment } from '../../packages/cli/src/gql/graphql.ts'

const START = { id: 'blk_1', total: 0, retried: 0, succeeded: 0, deadLettered: 0 } as const

async function told(started: CliBulkRetryFragment): Promise<string[]> {
  const lines: string[] = []
  const output = {
    note: (line: string) => lines.push(line),
    result: (_value: unknown, line: string) => lines.push(line),
  }
  await followBulkRetry({} as never, output as never, started, { things: 'events', done: 'replayed', wait: false })
  return lines
}

test('a replay that is not counted to its end is not taken for one of nothing', async () => {
  expect(await told({ ...START, status: 'RUNNING', totalPrecision: 'AT_LEAST' })).toEqual([
    'at least 0 events are replayed as blk_1.',
    'blk_1  RUNNING  0 of at least 0 replayed, 0 succeeded, 0 dead letters again',
  ])
  expect(await told({ ...START, status: 'COMPLETED', totalPrecision: 'EXACT' })).toEqual([
    'There is nothing that can be replayed.',
    'blk_1  COMPLETED  0 of 0 replayed, 0 succeeded, 0 dead letters again',
  ])
})
