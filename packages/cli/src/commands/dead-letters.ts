import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { graphql, reasonOf, succeeded } from '../client.ts'
import { command } from '../command.ts'
import { CommandFailure, EXIT, usage } from '../failure.ts'
import { writeWholeFile } from '../whole-file.ts'
import { BULK_OPTIONS, followBulkRetry } from './bulk-retry.ts'
import { deliveryTable, FILTER_OPTIONS, filterOf } from './deliveries.ts'

const LIST = graphql(`
  query CliDeadLetters($filter: DeliveryFilter, $first: Int!) {
    deadLetters(filter: $filter, first: $first) {
      nodes {
        ...CliDeliveryRow
      }
    }
  }
`)

const RETRY = graphql(`
  mutation CliRetryDeadLetters($filter: DeliveryFilter!, $maxPerSecond: Int) {
    retryDeadLetters(filter: $filter, maxPerSecond: $maxPerSecond) {
      __typename
      ... on RetryDeadLettersSuccess {
        bulkRetry {
          ...CliBulkRetry
        }
      }
      ...CliRefusal
    }
  }
`)

const { status: _, ...DEAD_LETTER_OPTIONS } = FILTER_OPTIONS

export const deadLettersList = command({
  command: 'list',
  describe: 'List dead letters, newest first',
  options: { ...DEAD_LETTER_OPTIONS, first: { type: 'number', default: 50, describe: 'How many, 1 to 100' } },
  examples: [['dead-letters list --code 500 --since 2d', 'what failed with 500 in two days']],
  async run({ client, output }, args) {
    const { deadLetters } = await client.ask(LIST, { filter: filterOf(args, client.tenantId), first: args.first })
    const nodes = deadLetters?.nodes ?? []
    output.result(nodes, nodes.length ? deliveryTable(nodes) : 'There are no dead letters.')
  },
})

export const deadLettersRetry = command({
  command: 'retry',
  describe: 'Retry every dead letter that matches, and follow the progress',
  options: {
    ...DEAD_LETTER_OPTIONS,
    ...BULK_OPTIONS,
  },
  examples: [['dead-letters retry --endpoint ep_… --since 1d --max-per-second 20', 'after a receiver is mended']],
  async run({ client, output }, args) {
    const filter = filterOf(args, client.tenantId)
    const started = await client.ask(RETRY, { filter, maxPerSecond: args.maxPerSecond ?? null })
    const { bulkRetry } = succeeded(started.retryDeadLetters)
    await followBulkRetry(client, output, bulkRetry, { things: 'dead letters', done: 'retried', wait: args.wait })
  },
})

export const deadLettersExport = command({
  command: 'export',
  describe: 'Download dead letters with their events and attempts as JSON',
  options: { ...DEAD_LETTER_OPTIONS, out: { type: 'string', describe: 'File to write; without it standard output' } },
  examples: [['dead-letters export --endpoint ep_… --out dead-letters.json', 'writes a file']],
  async run({ client, output }, args) {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(filterOf(args, client.tenantId)))
      for (const one of [value].flat()) if (one != null) query.append(name, String(one))
    const response = await client.fetch(`/dead-letters.json?${query}`, { signal: AbortSignal.timeout(3_600_000) })
    if (!response.ok || !response.body) throw await exportFailure(response)
    const download = Readable.fromWeb(response.body as never)
    if (args.out !== undefined) {
      await writeWholeFile(args.out, download)
      output.note(`Wrote ${args.out}.`)
      return
    }
    try {
      // A fault breaks the connection: what ends in "]" is whole.
      await pipeline(download, process.stdout, { end: false })
    } catch (error) {
      throw new CommandFailure(EXIT.unavailable, `The download broke off: ${reasonOf(error)}. Run the command again.`)
    }
  },
})

async function exportFailure(response: Response): Promise<CommandFailure> {
  const text = await response.text().catch(() => '')
  const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? `HTTP ${response.status}`
  if (response.status === 401 || response.status === 403) return new CommandFailure(EXIT.notAllowed, message)
  return response.status >= 500 ? new CommandFailure(EXIT.unavailable, message) : usage(message)
}
