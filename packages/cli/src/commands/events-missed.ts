import { graphql } from '../client.ts'
import { command } from '../command.ts'
import { refused } from '../failure.ts'
import { table } from '../output.ts'
import { parseSince } from '../since.ts'

const MISSED = graphql(`
  query CliUndelivered($filter: EventFilter, $after: String) {
    events(filter: $filter, first: 100, after: $after) {
      nodes {
        id
        type
        subject
        sequence
        occurredAt
        body
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

export const eventsMissed = command({
  command: 'missed <endpoint>',
  describe: 'List the events that an endpoint has not accepted yet',
  positionals: { endpoint: { type: 'string', demandOption: true, describe: 'The endpoint, ep_…' } },
  options: {
    since: { type: 'string', default: '7h', describe: 'How far to look back: 30m, 7h, 2d, or a time' },
    bodies: { type: 'boolean', default: false, describe: 'With --json: also the exact body of each event' },
  },
  examples: [
    ['events missed ep_… --since 2h', 'what a receiver missed in an outage'],
    ['events missed ep_… --json --bodies', 'the bodies, one JSON object a line, oldest first'],
  ],
  async run({ client, output }, args) {
    const filter = {
      tenantId: client.tenantId,
      undeliveredTo: args.endpoint,
      from: parseSince(args.since).toISOString(),
    }
    const found = []
    let after: string | null = null
    for (;;) {
      const { events }: { events?: Missed | null } = await client.ask(MISSED, { filter, after })
      if (!events) throw refused(`No endpoint ${args.endpoint} is known here.`)
      found.push(...events.nodes)
      if (!events.pageInfo.hasNextPage) break
      after = events.pageInfo.endCursor ?? null
    }
    found.reverse()
    if (output.json) {
      for (const { body, ...event } of found) output.result(args.bodies ? { ...event, body } : event, '')
      return
    }
    const rows = found.map(({ occurredAt, id, type, subject }) => [occurredAt, id, type, subject ?? ''])
    output.result(null, found.length ? table(['OCCURRED', 'EVENT', 'TYPE', 'SUBJECT'], rows) : 'Nothing is missing.')
  },
})

type Missed = {
  nodes: readonly {
    id: string
    type: string
    subject?: string | null
    sequence?: number | null
    occurredAt: string
    body?: string | null
  }[]
  pageInfo: { hasNextPage: boolean; endCursor?: string | null }
}
