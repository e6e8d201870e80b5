// What an operator does with an endpoint whose receiver fails: pause it, resume it, and send again what it missed.

import { graphql, succeeded } from '../client.ts'
import { command } from '../command.ts'
import { usage } from '../failure.ts'
import type { HeldDeliveries } from '../gql/graphql.ts'
import { parseSince } from '../since.ts'
import { BULK_OPTIONS, followBulkRetry } from './bulk-retry.ts'
import { describeEndpoint } from './endpoints-read.ts'

const PAUSE = graphql(`
  mutation CliPauseEndpoint($id: ID!) {
    pauseEndpoint(id: $id) {
      __typename
      ... on PauseEndpointSuccess {
        endpoint {
          ...CliEndpoint
        }
      }
      ...CliRefusal
    }
  }
`)

const RESUME = graphql(`
  mutation CliResumeEndpoint($id: ID!, $held: HeldDeliveries!, $since: DateTime) {
    resumeEndpoint(id: $id, held: $held, since: $since) {
      __typename
      ... on ResumeEndpointSuccess {
        endpoint {
          ...CliEndpoint
        }
      }
      ...CliRefusal
    }
  }
`)

const REPLAY = graphql(`
  mutation CliReplay(
    $endpointId: ID!
    $filter: EventFilter!
    $includeDelivered: Boolean!
    $includeUnmatched: Boolean!
    $maxPerSecond: Int
  ) {
    replayEvents(
      endpointId: $endpointId
      filter: $filter
      includeDelivered: $includeDelivered
      includeUnmatched: $includeUnmatched
      maxPerSecond: $maxPerSecond
    ) {
      __typename
      ... on ReplayEventsSuccess {
        bulkRetry {
          ...CliBulkRetry
        }
      }
      ...CliRefusal
    }
  }
`)

const ID = { id: { type: 'string', demandOption: true, describe: 'The endpoint, ep_…' } } as const

export const endpointsPause = command({
  command: 'pause <id>',
  describe: 'Send nothing to an endpoint until it is resumed; its deliveries are held',
  positionals: ID,
  examples: [['endpoints pause ep_…', 'while its receiver is mended']],
  async run({ client, output }, args) {
    const { endpoint } = succeeded((await client.ask(PAUSE, { id: args.id })).pauseEndpoint)
    output.result(endpoint, describeEndpoint(endpoint))
  },
})

const HELD: Record<string, HeldDeliveries> = { send: 'SEND_ALL', cancel: 'CANCEL_ALL' }

export const endpointsResume = command({
  command: 'resume <id>',
  describe: 'Resume an endpoint that is paused or disabled, and say what becomes of what it holds',
  positionals: ID,
  options: {
    held: { choices: ['send', 'cancel'] as const, default: 'send', describe: 'What becomes of what is held' },
    since: { type: 'string', describe: 'Send what was made since, and cancel what is older: 30m, 7h, 2d, or a time' },
  },
  examples: [
    ['endpoints resume ep_…', 'sends all that was held'],
    ['endpoints resume ep_… --since 2h', 'sends what was made in two hours, and cancels the rest'],
  ],
  async run({ client, output }, args) {
    if (args.since !== undefined && args.held === 'cancel')
      throw usage(
        'Expected --since or --held cancel, got both. --since says what is sent; --held cancel sends nothing.',
      )
    const choice =
      args.since === undefined
        ? { held: HELD[args.held]!, since: null }
        : { held: 'SEND_SINCE' as const, since: parseSince(args.since).toISOString() }
    const { endpoint } = succeeded((await client.ask(RESUME, { id: args.id, ...choice })).resumeEndpoint)
    output.result(endpoint, describeEndpoint(endpoint))
  },
})

export const endpointsReplay = command({
  command: 'replay <id>',
  describe: 'Send the events of a time to an endpoint again, and follow the progress',
  positionals: ID,
  options: {
    since: { type: 'string', demandOption: true, describe: 'What was published since: 30m, 7h, 2d, or a time' },
    until: { type: 'string', describe: 'And before: 30m, 7h, 2d ago, or a time; without it until now' },
    type: { type: 'string', array: true, describe: 'Only these event types' },
    subject: { type: 'string', describe: 'Only this call or agent' },
    'missed-only': { type: 'boolean', default: false, describe: 'Leave out what was delivered' },
    unmatched: { type: 'boolean', default: false, describe: 'Also what the filter of the endpoint does not match' },
    ...BULK_OPTIONS,
  },
  examples: [
    ['endpoints replay ep_… --since 2h --missed-only', 'what it did not get in two hours'],
    ['endpoints replay ep_… --since 1d --max-per-second 10', 'everything of a day, gently'],
  ],
  async run({ client, output }, args) {
    const asked = await client.ask(REPLAY, {
      endpointId: args.id,
      filter: {
        tenantId: client.tenantId,
        from: parseSince(args.since).toISOString(),
        to: args.until === undefined ? null : parseSince(args.until).toISOString(),
        eventTypes: args.type ?? null,
        subject: args.subject ?? null,
      },
      includeDelivered: !args.missedOnly,
      includeUnmatched: args.unmatched,
      maxPerSecond: args.maxPerSecond ?? null,
    })
    const { bulkRetry } = succeeded(asked.replayEvents)
    await followBulkRetry(client, output, bulkRetry, { things: 'events', done: 'replayed', wait: args.wait })
  },
})
