// Every body that a receiver may get: the examples, what passes of the field cases, what the adapters make, and what the
// catalogue took before; published, delivered, and read at the receiver.

import { EVENT_TYPES } from '../../src/domain/event-types/catalogue.ts'
import { extractDocumentedCode } from '../adapters/documented-code.ts'
import { RECORDS } from '../adapters/records/all.ts'
import { acceptedBodies } from './accepted-before.ts'
import { type EventToPublish, openPublisher, readFieldCases } from './publish.ts'

export type DeliveredBody = {
  readonly id: string
  readonly type: string
  readonly data: Record<string, unknown>
  /** The exact text. */
  readonly text: string
}

const MOST_EVENTS_IN_A_CALL = 500

/** Publishes everything, and resolves with each distinct body as the receiver got it. */
export async function deliverEverything(): Promise<DeliveredBody[]> {
  const events = await everything()
  const publisher = await openPublisher()
  try {
    let count = 0
    for (let at = 0; at < events.length; at += MOST_EVENTS_IN_A_CALL) {
      const { events: stored } = await publisher.publish(events.slice(at, at + MOST_EVENTS_IN_A_CALL), 'SKIP')
      count += stored!.length
    }
    const { receiver } = publisher
    const ids = () => new Set(receiver.requests.map(({ headers }) => headers['x-sivo-event-id']))
    await receiver.until(() => ids().size === count, { timeoutMs: 60_000 })
    const bodies = receiver.requests.map(({ body }) => {
      const text = body.toString('utf8')
      return { ...(JSON.parse(text) as Omit<DeliveredBody, 'text'>), text }
    })
    return [...new Map(bodies.map((body) => [body.id, body])).values()]
  } finally {
    await publisher.close()
  }
}

async function everything(): Promise<EventToPublish[]> {
  const code = await extractDocumentedCode()
  try {
    const adapted = await Promise.all(
      RECORDS.map(async ({ adapter, record, options }) => (await code.adapter(adapter)).toEvents(record, options)),
    )
    const cases = await readFieldCases()
    return [
      ...EVENT_TYPES.map(({ name: type, example: { data, subject, sequence } }) => ({
        type,
        data,
        subject: subject ?? undefined,
        sequence,
      })),
      ...cases.flatMap(({ event_type: type, careful, mapped_as_is }) => [
        { type, data: careful },
        { type, data: mapped_as_is },
      ]),
      ...adapted.flat().map(({ idempotencyKey: _, ...event }) => event),
      ...acceptedBodies().map(({ type, data }) => ({ type, data })),
    ]
  } finally {
    await code.remove()
  }
}
