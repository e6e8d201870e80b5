import { type Client, graphql } from './client.ts'
import { usage } from './failure.ts'

const EVENT_TYPES = graphql(`
  query CliEventTypes {
    eventTypes {
      name
    }
  }
`)

/** For a command that waits: it would wait for ever for a type that the gateway does not have. Throws CommandFailure. */
export async function requireEventTypes(client: Client, types: readonly string[] | undefined): Promise<void> {
  if (types === undefined) return
  const known = (await client.ask(EVENT_TYPES, {})).eventTypes.map(({ name }) => name)
  const unknown = types.find((type) => !known.includes(type))
  if (unknown !== undefined)
    throw usage(`Expected event types of the gateway in --type (${known.join(', ')}), got ${JSON.stringify(unknown)}.`)
}
