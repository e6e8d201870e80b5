import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { type Client, graphql, succeeded } from '../client.ts'
import { command } from '../command.ts'
import { planEndpoints, readEndpointFile, type Step, type WantedEndpoint } from '../endpoint-plan.ts'
import { refused, usage } from '../failure.ts'
import type { Output } from '../output.ts'
import { CREATE, UPDATE } from './endpoints.ts'
import { endpointsOf } from './endpoints-read.ts'

const UPSERT = graphql(`
  mutation CliUpsertEndpoint($input: UpsertEndpointInput!) {
    upsertEndpoint(input: $input) {
      __typename
      ... on UpsertEndpointSuccess {
        created
        signingSecret
        endpoint {
          id
        }
      }
      ...CliRefusal
    }
  }
`)

const DELETE = graphql(`
  mutation CliDeleteEndpoint($id: ID!) {
    deleteEndpoint(id: $id) {
      __typename
      ...CliRefusal
    }
  }
`)

export const endpointsApply = command({
  command: 'apply',
  describe: 'Make the endpoints as a YAML file describes them; shows the plan first',
  options: {
    file: { type: 'string', alias: 'f', nargs: 1, demandOption: true, describe: 'The file; - is standard input' },
    prune: { type: 'boolean', default: false, describe: 'Delete endpoints that are not in the file' },
    'dry-run': { type: 'boolean', default: false, describe: 'Show the plan and change nothing' },
    yes: { type: 'boolean', alias: 'y', default: false, describe: 'Do not ask' },
  },
  examples: [
    ['endpoints apply -f endpoints.yaml --dry-run', 'shows what would change'],
    ['endpoints apply -f endpoints.yaml --prune --yes', 'in a pipeline'],
  ],
  async run({ client, output }, args) {
    const wanted = readEndpointFile(await readText(args.file), args.file, process.env)
    const steps = planEndpoints(wanted, await endpointsOf(client), { prune: args.prune })
    const changing = steps.filter(({ kind }) => kind === 'create' || kind === 'update' || kind === 'delete')
    for (const step of steps) output.note(describeStep(step))
    if (args.dryRun || changing.length === 0) {
      output.result(
        { steps: steps.map(publicStep), applied: false },
        changing.length ? 'Nothing was changed.' : 'Everything is as the file says.',
      )
      return
    }
    if (!args.yes) await confirm(changing.length)
    const done = []
    for (const step of changing) {
      try {
        done.push(await apply(client, output, step))
      } catch (error) {
        // What was done stays: applying the file again goes on from there.
        throw refused(
          `${describeStep(step)}\n${(error as Error).message}\n${done.length} of ${changing.length} changes are made. Mend the file and apply it again.`,
        )
      }
    }
    output.result({ steps: done, applied: true }, `${done.length} ${done.length === 1 ? 'change' : 'changes'} made.`)
  },
})

async function readText(file: string): Promise<string> {
  if (file !== '-')
    return readFile(file, 'utf8').catch((error: Error) => {
      throw usage(`${file} cannot be read: ${error.message}.`)
    })
  let text = ''
  for await (const chunk of process.stdin) text += chunk
  return text
}

async function confirm(count: number): Promise<void> {
  if (!process.stdin.isTTY)
    throw usage('Nobody can be asked here. Pass --yes to make the changes, or --dry-run to see them.')
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await lines.question(`Make ${count} ${count === 1 ? 'change' : 'changes'}? [y/N] `)
  lines.close()
  if (!/^y(es)?$/i.test(answer.trim())) throw refused('Nothing was changed.')
}

async function apply(client: Client, output: Output, step: Step) {
  switch (step.kind) {
    case 'create': {
      const { endpoint, signingSecret } = await create(client, step.wanted)
      if (signingSecret) output.note(`Signing secret of ${step.wanted.name}: ${signingSecret} (shown only now)`)
      return { ...publicStep(step), id: endpoint.id, signingSecret }
    }
    case 'update':
      succeeded(
        (await client.ask(UPDATE, { id: step.id, input: { ...settingsOf(step.wanted), ...filterOf(step.wanted) } }))
          .updateEndpoint,
      )
      return publicStep(step)
    case 'delete':
      succeeded((await client.ask(DELETE, { id: step.id })).deleteEndpoint)
      return publicStep(step)
    default:
      return publicStep(step)
  }
}

/** With an external id it is an upsert: another run of the same file at the same time makes no second endpoint. */
async function create(
  client: Client,
  wanted: WantedEndpoint,
): Promise<{ endpoint: { id: string }; signingSecret?: string | null }> {
  const { externalId, ...settings } = settingsOf(wanted)
  const { tenantId } = client
  if (externalId !== undefined) {
    const input = { tenantId, externalId, ...settings, ...filterOf(wanted) }
    return succeeded((await client.ask(UPSERT, { input })).upsertEndpoint)
  }
  const input = { tenantId, ...settings, ...(wanted.eventTypes ? { eventTypes: [...wanted.eventTypes] } : {}) }
  return succeeded((await client.ask(CREATE, { input })).createEndpoint)
}

function settingsOf({
  externalId,
  name,
  url,
  condition,
  maxInFlight,
  rateLimitPerSecond,
  ordering,
  headers,
  metadata,
}: WantedEndpoint) {
  return {
    ...(externalId === null ? {} : { externalId }),
    name,
    url,
    ...(condition === undefined ? {} : { condition }),
    maxInFlight,
    rateLimitPerSecond,
    ...(ordering === undefined ? {} : { ordering }),
    headers: headers.map((header) => ({ ...header })),
    ...(metadata === null ? {} : { metadata }),
  }
}

function filterOf({ eventTypes }: WantedEndpoint) {
  return eventTypes ? { eventTypes: [...eventTypes] } : { allEventTypes: true }
}

/** Without header values, which are secrets. */
function publicStep(step: Step) {
  if ('wanted' in step) {
    const { wanted, ...rest } = step
    return { ...rest, name: wanted.name }
  }
  return step
}

function describeStep(step: Step): string {
  switch (step.kind) {
    case 'create':
      return `+ create  ${step.wanted.name}  ${step.wanted.url}`
    case 'update':
      return `~ update  ${step.wanted.name}\n    ${step.changes.join('\n    ')}`
    case 'keep':
      return `= keep    ${step.wanted.name}`
    case 'delete':
      return `- delete  ${step.name}  (what waits for it is cancelled)`
    case 'leave':
      return `? leave   ${step.name}  is not in the file; --prune deletes it`
  }
}
