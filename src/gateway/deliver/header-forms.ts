// Stores the forms of headers (domain/header-form.ts) once, before the attempts that name them. A process remembers the ids of
// the forms it has used this week, so nearly every record of attempts needs no statement for them.

import { createHash } from 'node:crypto'
import type { HotDatabase, Statement } from '../../database/pools.ts'
import { createReplyHabits, formRequest, type ReplyHabits } from '../../domain/header-form.ts'
import { toPublicId } from '../../domain/id.ts'
import { weekOf } from '../../domain/retention.ts'
import type { Attempt } from './attempt-delivery.ts'
import type { ClaimedDelivery } from './claim-deliveries.ts'

const MAX_REMEMBERED = 20_000
const MAX_RECEIVERS = 2_000
/** A receiver whose replies have more forms has its headers stored as they are. */
const MOST_FORMS = 16

const STORE: Statement = {
  name: 'store-header-forms',
  text: `
    with given as (
      select * from unnest($2::bytea[], $3::text[], $4::text[]) as g(digest, url, headers)
    ), stored as (
      insert into header_form (week, digest, url, headers)
      select $1::int, digest, url, headers from given order by digest
      on conflict (week, digest) do nothing returning id, digest
    )
    select id, encode(digest, 'hex') as digest from stored
    union all
    select f.id, encode(f.digest, 'hex') from given g join header_form f on f.week = $1::int and f.digest = g.digest`,
}

/** The columns of an attempt that hold its headers. */
export type HeaderColumns = {
  readonly url: string
  readonly request_headers: string
  readonly response_headers: string | null
  readonly request_form: number
  readonly request_values: Buffer
  readonly response_form: number | null
  readonly response_values: Buffer | null
}

export type AttemptToForm = { readonly delivery: ClaimedDelivery; readonly attempt: Attempt }

type HeaderForms = {
  /** In the order of the attempts. */
  columnsOf(attempts: readonly AttemptToForm[]): Promise<HeaderColumns[]>
}

type Form = { readonly url: string | null; readonly headers: string }

const ofDatabase = new WeakMap<HotDatabase, HeaderForms>()

/** Forms the headers of attempts and stores the forms that are new. Returns columns in the order of the attempts. */
export function headerColumnsOf(hot: HotDatabase, attempts: readonly AttemptToForm[]): Promise<HeaderColumns[]> {
  const forms = ofDatabase.get(hot) ?? createHeaderForms(hot)
  ofDatabase.set(hot, forms)
  return forms.columnsOf(attempts)
}

function createHeaderForms(hot: HotDatabase): HeaderForms {
  /** The ids of this week's forms, by their key. */
  const known = new Map<string, number>()
  let knownWeek = 0
  const receivers = new Map<string, ReplyHabits>()

  function habitsOf(endpointId: string): ReplyHabits {
    const habits = receivers.get(endpointId) ?? createReplyHabits(MOST_FORMS)
    if (!receivers.has(endpointId) && receivers.size >= MAX_RECEIVERS) receivers.clear()
    receivers.set(endpointId, habits)
    return habits
  }

  async function store(week: number, forms: readonly Form[]): Promise<Map<string, number>> {
    const missing = new Map(forms.filter((form) => !known.has(keyOf(form))).map((form) => [keyOf(form), form]))
    if (missing.size === 0) return known
    const byDigest = new Map([...missing].map(([key, form]) => [digestOf(form), { key, form }]))
    const rows = await hot.query<{ id: number; digest: string }>(STORE, [
      week,
      [...byDigest.keys()].map((digest) => Buffer.from(digest, 'hex')),
      [...byDigest.values()].map(({ form }) => form.url),
      [...byDigest.values()].map(({ form }) => form.headers),
    ])
    const ids = new Map(rows.map(({ id, digest }) => [byDigest.get(digest)!.key, id]))
    // Another process stored some of them at the same moment, which this statement could not see.
    if (ids.size < missing.size) return store(week, forms)
    if (known.size > MAX_REMEMBERED) known.clear()
    for (const [key, id] of ids) known.set(key, id)
    return forms.every((form) => known.has(keyOf(form))) ? known : store(week, forms)
  }

  return {
    async columnsOf(attempts) {
      const formed = attempts.map(({ delivery, attempt }) => {
        const request = formRequest(attempt.requestHeaders, {
          eventId: toPublicId('event', delivery.eventId),
          eventType: delivery.eventType,
          deliveryId: toPublicId('delivery', delivery.id),
          number: attempt.number,
          startedAt: attempt.startedAt,
        })
        const { reply } = attempt.sent
        return {
          url: attempt.url,
          request,
          inline: reply && JSON.stringify(reply.headers),
          reply: reply && habitsOf(delivery.endpointId).form(reply.headers),
        }
      })
      const week = weekOf(attempts.reduce((latest, { attempt }) => Math.max(latest, attempt.startedAt.getTime()), 0))
      if (week !== knownWeek) known.clear()
      knownWeek = week
      const ids = await store(
        week,
        formed.flatMap(({ url, request, reply }) => [
          { url, headers: request.text },
          ...(reply ? [{ url: null, headers: reply.text }] : []),
        ]),
      )
      return formed.map(({ url, request, reply, inline }) => ({
        url: '',
        request_headers: '[]',
        request_form: ids.get(keyOf({ url, headers: request.text }))!,
        request_values: request.values,
        response_headers: reply ? null : inline,
        response_form: reply ? ids.get(keyOf({ url: null, headers: reply.text }))! : null,
        response_values: reply && reply.values.length > 0 ? reply.values : null,
      }))
    },
  }
}

function keyOf({ url, headers }: Form): string {
  return `${url ?? ''} ${headers}`
}

function digestOf(form: Form): string {
  return createHash('sha256').update(keyOf(form)).digest('hex').slice(0, 32)
}
