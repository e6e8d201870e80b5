// The field cases, and a gateway to publish them to: one tenant, one receiver that wants everything.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Receiver } from '../../src/dev/receiver.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { type Gateway, openGateway } from '../security/gateway.ts'

const FOLDER = join(import.meta.dirname, 'telephony')

/** One event as a real system tells it. */
export type FieldCase = {
  readonly file: string
  readonly system: string
  readonly event_type: string
  /** Its values unchanged, under the nearest field. */
  readonly mapped_as_is: Record<string, unknown>
  /** Its formats and units put right, and nothing invented. */
  readonly careful: Record<string, unknown>
}

/** Every case, in the order of its number. */
export async function readFieldCases(): Promise<FieldCase[]> {
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.json')).sort()
  return Promise.all(
    files.map(async (file) => ({ file, ...(JSON.parse(await readFile(join(FOLDER, file), 'utf8')) as object) })),
  ) as Promise<FieldCase[]>
}

export type Place = { readonly path: readonly string[]; readonly message: string }
export type EventToPublish = {
  readonly type: string
  readonly data: unknown
  readonly subject?: string
  readonly sequence?: unknown
  readonly occurredAt?: unknown
  readonly idempotencyKey?: string
}

export type Publication = {
  readonly __typename: string
  readonly events?: readonly {
    readonly id: string
    readonly duplicate: boolean
    readonly deliveryCount: number
    readonly index: number
    readonly warnings: readonly Place[]
  }[]
  readonly skipped?: readonly { readonly index: number; readonly issues: readonly Place[] }[]
  readonly issues?: readonly Place[]
  readonly message?: string
  readonly code?: string
}

export type Publisher = {
  readonly gateway: Gateway
  readonly receiver: Receiver
  readonly tenantId: string
  publish(events: readonly EventToPublish[], onInvalid?: 'REFUSE' | 'SKIP'): Promise<Publication>
  close(): Promise<void>
}

const PUBLISH = `mutation P($input: PublishEventsInput!) {
  publishEvents(input: $input) {
    __typename
    ... on PublishEventsSuccess {
      events { id duplicate deliveryCount index warnings { path message } }
      skipped { index issues { path message } }
    }
    ... on Error { code message }
    ... on ValidationError { issues { path message } }
  }
}`

/** A gateway with a receiver of every event type, as a publisher meets it. */
export async function openPublisher(): Promise<Publisher> {
  const gateway = await openGateway()
  const receiver = await gateway.house.receiver({ keep: 5_000 })
  await gateway.house.addEndpoint(receiver.url('/'))
  const tenantId = toPublicId('tenant', gateway.house.tenantId)
  const key = await gateway.key('PUBLISHER', gateway.house.tenantId)
  return {
    gateway,
    receiver,
    tenantId,
    async publish(events, onInvalid) {
      const reply = await gateway.ask(key, PUBLISH, { input: { tenantId, events, onInvalid } })
      if (!reply.data?.publishEvents) throw new Error(`Expected an answer to a publish, got ${JSON.stringify(reply)}.`)
      return reply.data.publishEvents as Publication
    },
    close: () => gateway.close(),
  }
}
