import { graphql } from '../client.ts'
import { command } from '../command.ts'
import { refused } from '../failure.ts'
import { plain } from '../output.ts'

const EXPLAIN = graphql(`
  query CliExplain($eventId: ID!, $endpointId: ID!) {
    explainDelivery(eventId: $eventId, endpointId: $endpointId) {
      reason
      message
      nextAttemptAt
      ahead {
        count
        precision
      }
      evaluated {
        path
        values
      }
      delivery {
        id
        status
        attemptCount
        maxAttempts
      }
    }
  }
`)

export const explain = command({
  command: 'explain <event> <endpoint>',
  describe: 'Say why an event was sent to an endpoint, was not sent, or waits',
  positionals: {
    event: { type: 'string', demandOption: true, describe: 'The event, evt_…' },
    endpoint: { type: 'string', demandOption: true, describe: 'The endpoint, ep_…' },
  },
  examples: [['explain evt_… ep_…', 'which filter, limit or pause decided']],
  async run({ client, output }, { event, endpoint }) {
    const { explainDelivery: found } = await client.ask(EXPLAIN, { eventId: event, endpointId: endpoint })
    if (!found)
      throw refused(
        `No event ${event} and endpoint ${endpoint} are known here. Take the ids from "sivo deliveries list" and "sivo endpoints list".`,
      )
    const { delivery, nextAttemptAt } = found
    const lines = [
      plain(found.message),
      `Reason: ${found.reason}`,
      ...(delivery
        ? [`Delivery: ${delivery.id}  ${delivery.status}  attempt ${delivery.attemptCount} of ${delivery.maxAttempts}`]
        : []),
      ...(nextAttemptAt ? [`Next attempt: ${nextAttemptAt}`] : []),
    ]
    output.result(found, lines.join('\n'))
  },
})
