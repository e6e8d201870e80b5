import { graphql, succeeded } from '../client.ts'
import { command } from '../command.ts'
import { usage } from '../failure.ts'
import { plain, table } from '../output.ts'
import { describeEndpoint, endpointsOf } from './endpoints-read.ts'
import { sendTest } from './trigger.ts'

export const CREATE = graphql(`
  mutation CliCreateEndpoint($input: CreateEndpointInput!) {
    createEndpoint(input: $input) {
      __typename
      ... on CreateEndpointSuccess {
        signingSecret
        endpoint {
          ...CliEndpoint
        }
      }
      ...CliRefusal
    }
  }
`)

export const UPDATE = graphql(`
  mutation CliUpdateEndpoint($id: ID!, $input: UpdateEndpointInput!) {
    updateEndpoint(id: $id, input: $input) {
      __typename
      ... on UpdateEndpointSuccess {
        endpoint {
          ...CliEndpoint
        }
      }
      ...CliRefusal
    }
  }
`)

const ROTATE = graphql(`
  mutation CliRotate($endpointId: ID!, $overlapHours: Int!) {
    rotateSigningSecret(endpointId: $endpointId, overlapHours: $overlapHours) {
      __typename
      ... on RotateSigningSecretSuccess {
        signingSecret
        overlapEndsAt
      }
      ...CliRefusal
    }
  }
`)

const SETTINGS = {
  name: { type: 'string', describe: 'Name of the endpoint' },
  to: { type: 'string', describe: 'Its https URL' },
  type: { type: 'string', array: true, describe: 'Event types it gets; without it all of them' },
  condition: {
    type: 'string',
    describe: 'What an event must meet, such as \'$.data.direction == "inbound"\'; an empty text removes it',
  },
  'max-in-flight': { type: 'number', describe: 'Most requests at the same time' },
  'rate-limit': { type: 'number', describe: 'Most requests per second' },
  header: { type: 'string', array: true, describe: 'A header to send, "Name: value"' },
  'external-id': { type: 'string', describe: 'Its id in your own system, unique in the tenant' },
  metadata: { type: 'string', array: true, describe: 'A note of your own, "name=text"; they replace the present ones' },
} as const

type SettingArgs = {
  name?: string | undefined
  to?: string | undefined
  type?: string[] | undefined
  condition?: string | undefined
  maxInFlight?: number | undefined
  rateLimit?: number | undefined
  header?: string[] | undefined
  externalId?: string | undefined
  metadata?: string[] | undefined
}

/** Only what was given: an option that is absent changes nothing. */
function settingsOf(args: SettingArgs) {
  return {
    ...(args.name === undefined ? {} : { name: args.name }),
    ...(args.to === undefined ? {} : { url: args.to }),
    ...(args.type === undefined ? {} : { eventTypes: args.type }),
    ...(args.condition === undefined ? {} : { condition: args.condition.trim() || null }),
    ...(args.maxInFlight === undefined ? {} : { maxInFlight: args.maxInFlight }),
    ...(args.rateLimit === undefined ? {} : { rateLimitPerSecond: args.rateLimit }),
    ...(args.header === undefined ? {} : { headers: args.header.map(parseHeader) }),
    ...(args.externalId === undefined ? {} : { externalId: args.externalId }),
    ...(args.metadata === undefined ? {} : { metadata: Object.fromEntries(args.metadata.map(parseNote)) }),
  }
}

function parseNote(text: string): [name: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1) throw usage(`Expected a note as "name=text", got ${JSON.stringify(text)}.`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function parseHeader(text: string): { name: string; value: string } {
  const at = text.indexOf(':')
  if (at < 1) throw usage(`Expected a header as "Name: value", got ${JSON.stringify(text)}.`)
  return { name: text.slice(0, at).trim(), value: text.slice(at + 1).trim() }
}

export const endpointsList = command({
  command: 'list',
  describe: 'List the tenant’s endpoints',
  examples: [['endpoints list --json', 'every endpoint with its settings']],
  async run({ client, output }) {
    const endpoints = await endpointsOf(client)
    const rows = endpoints.map((endpoint) => [
      endpoint.id,
      plain(endpoint.name),
      endpoint.status + (endpoint.disabledReason ? ` (${endpoint.disabledReason})` : ''),
      endpoint.url,
    ])
    output.result(
      endpoints,
      rows.length ? table(['ENDPOINT', 'NAME', 'STATUS', 'URL'], rows) : 'There are no endpoints.',
    )
  },
})

export const endpointsCreate = command({
  command: 'create',
  describe: 'Create an endpoint; prints its signing secret once',
  options: SETTINGS,
  examples: [['endpoints create --name CRM --to https://crm.example.com/hooks --type call.ended', 'gets call.ended']],
  async run({ client, output }, args) {
    if (args.name === undefined || args.to === undefined)
      throw usage(
        'Expected --name and --to. For example: sivo endpoints create --name CRM --to https://crm.example.com/hooks',
      )
    const input = { tenantId: client.tenantId, name: args.name, url: args.to, ...settingsOf(args) }
    const { endpoint, signingSecret } = succeeded((await client.ask(CREATE, { input })).createEndpoint)
    output.result(
      { endpoint, signingSecret },
      `Created ${endpoint.id} ${plain(endpoint.name)}.\nSigning secret: ${signingSecret}\nIt is shown only now. Store it where the receiver reads it.`,
    )
  },
})

export const endpointsUpdate = command({
  command: 'update <id>',
  describe: 'Change the given settings of an endpoint; the others stay',
  positionals: { id: { type: 'string', demandOption: true, describe: 'The endpoint, ep_…' } },
  options: SETTINGS,
  examples: [
    ['endpoints update ep_… --to https://crm.example.com/v2', 'another URL'],
    ['endpoints update ep_… --type call.ended --type call.created', 'gets these two types'],
  ],
  async run({ client, output }, args) {
    const input = settingsOf(args)
    if (Object.keys(input).length === 0) throw usage('Expected at least one setting to change, such as --name or --to.')
    const { endpoint } = succeeded((await client.ask(UPDATE, { id: args.id, input })).updateEndpoint)
    output.result(endpoint, describeEndpoint(endpoint))
  },
})

export const endpointsTest = command({
  command: 'test <id>',
  describe: 'Send the catalogue’s example of a type to an endpoint, and show its answer',
  positionals: { id: { type: 'string', demandOption: true, describe: 'The endpoint, ep_…' } },
  options: { type: { type: 'string', default: 'call.ended', describe: 'Event type' } },
  examples: [['endpoints test ep_… --type call.created', 'sends the example, and shows what the receiver said']],
  run: ({ client, output }, args) =>
    sendTest(client, output, { endpointId: args.id, eventType: args.type, data: null }),
})

export const endpointsRotate = command({
  command: 'rotate <id>',
  describe: 'Create a new signing secret; both sign until the overlap ends',
  positionals: { id: { type: 'string', demandOption: true, describe: 'The endpoint, ep_…' } },
  options: { 'overlap-hours': { type: 'number', default: 24, describe: '0 to 168; 0 replaces the secret at once' } },
  examples: [['endpoints rotate ep_… --overlap-hours 72', 'three days to change the secret of the receiver']],
  async run({ client, output }, args) {
    const asked = await client.ask(ROTATE, { endpointId: args.id, overlapHours: args.overlapHours })
    const { signingSecret, overlapEndsAt } = succeeded(asked.rotateSigningSecret)
    output.result(
      { signingSecret, overlapEndsAt },
      `New signing secret: ${signingSecret}\nIt is shown only now. X-Sivo-Signature ${args.overlapHours === 0 ? 'uses it from now on' : `uses the old one until ${overlapEndsAt}`}.`,
    )
  },
})
