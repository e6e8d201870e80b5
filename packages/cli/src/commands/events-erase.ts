import { graphql, succeeded } from '../client.ts'
import { command } from '../command.ts'

const ERASE = graphql(`
  mutation CliEraseEvents($input: EraseEventsInput!) {
    eraseEvents(input: $input) {
      __typename
      ... on EraseEventsSuccess {
        eventCount
        cancelledCount
      }
      ...CliRefusal
    }
  }
`)

export const eventsErase = command({
  command: 'erase <subject>',
  describe:
    'Erase all events of a subject, such as a call: payloads, replies and the subject; nothing brings them back',
  positionals: { subject: { type: 'string', demandOption: true, describe: 'The exact subject' } },
  examples: [['events erase call_01…', 'for a caller who asks to be forgotten']],
  async run({ client, output }, { subject }) {
    const { eraseEvents } = await client.ask(ERASE, { input: { tenantId: client.tenantId, subject } })
    const { eventCount, cancelledCount } = succeeded(eraseEvents)
    output.result(
      { eventCount, cancelledCount },
      `Erased ${eventCount} events; ${cancelledCount} deliveries that waited were cancelled.`,
    )
  },
})
