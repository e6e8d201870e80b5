// Stores the forms of headers (domain/delivery/header-form.ts) once, before the attempts that name them. A process remembers the ids of
// the forms it has used this week, so nearly every record of attempts needs no statement for them.

import { createHash } from 'node:crypto'
import type { HotDatabase, Statement } from '../../database/pools.ts'
import {
  createReplyHabits,
  createRequestForms,
  type ReplyHabits,
  type RequestForms,
} from '../../domain/delivery/header-habits.ts'
import { weekOf } from '../../domain/retention.ts'
import { toPublicId } from '../../domain/values/id.ts'
import type { Attempt } from './attempt-delivery.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'

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

/** `url` null: the form of replies, which may come from anywhere. */
type Form = { readonly url: string | null; readonly headers: string }

/** What is known of the headers that go to one endpoint and come from it. */
type Receiver = {
  readonly requests: RequestForms
  readonly replies: ReplyHabits
}

const ofDatabase = new WeakMap<HotDatabase, HeaderForms>()

/** Forms the headers of attempts and stores the forms that are new. Returns columns in the order of the attempts. */
export function headerColumnsOf(hot: HotDatabase, attempts: readonly AttemptToForm[]): Promise<HeaderColumns[]> {
  const forms = ofDatabase.get(hot) ?? createHeaderForms(hot)
  ofDatabase.set(hot, forms)
  return forms.columnsOf(attempts)
}

function createHeaderForms(hot: HotDatabase): HeaderForms {
  const ids = createFormIds()
  const receivers = new Map<string, Receiver>()

  function receiverOf(endpointId: string): Receiver {
    const known = receivers.get(endpointId)
    if (known) return known
    if (receivers.size >= MAX_RECEIVERS) receivers.clear()
    const receiver = { requests: createRequestForms(), replies: createReplyHabits(MOST_FORMS) }
    receivers.set(endpointId, receiver)
    return receiver
  }

  function formsOf({ delivery, attempt }: AttemptToForm) {
    const receiver = receiverOf(delivery.endpointId)
    const request = receiver.requests.form(attempt.requestHeaders, {
      eventId: toPublicId('event', delivery.eventId),
      eventType: delivery.eventType,
      deliveryId: toPublicId('delivery', delivery.id),
      number: attempt.number,
      startedAt: attempt.startedAt,
    })
    const { reply } = attempt.sent
    const formed = reply && receiver.replies.form(reply.headers)
    return {
      request: { url: attempt.url, headers: request.text },
      requestValues: request.values,
      reply: formed && { url: null, headers: formed.text },
      replyValues: formed && formed.values.length > 0 ? formed.values : null,
      replyInline: reply && !formed ? JSON.stringify(reply.headers) : null,
    }
  }

  /** Stores those of the forms that have no id yet. */
  async function store(week: number, forms: readonly Form[]): Promise<void> {
    const missing = new Map(forms.filter((form) => ids.of(form) === undefined).map((form) => [digestOf(form), form]))
    if (missing.size === 0) return
    const rows = await hot.query<{ id: number; digest: string }>(STORE, [
      week,
      [...missing.keys()].map((digest) => Buffer.from(digest, 'hex')),
      [...missing.values()].map(({ url }) => url),
      [...missing.values()].map(({ headers }) => headers),
    ])
    // Another process stored some of them at the same moment, which this statement could not see.
    if (rows.length < missing.size) return store(week, forms)
    ids.makeRoom()
    for (const { id, digest } of rows) ids.set(missing.get(digest)!, id)
    return store(week, forms)
  }

  return {
    async columnsOf(attempts) {
      const formed = attempts.map(formsOf)
      const week = weekOf(attempts.reduce((latest, { attempt }) => Math.max(latest, attempt.startedAt.getTime()), 0))
      ids.beginWeek(week)
      await store(
        week,
        formed.flatMap(({ request, reply }) => (reply ? [request, reply] : [request])),
      )
      return formed.map(({ request, requestValues, reply, replyValues, replyInline }) => ({
        url: '',
        request_headers: '[]',
        request_form: ids.of(request)!,
        request_values: requestValues,
        response_headers: replyInline,
        response_form: reply ? ids.of(reply)! : null,
        response_values: replyValues,
      }))
    },
  }
}

/** The ids of this week's forms. */
function createFormIds() {
  const ofUrl = new Map<string | null, Map<string, number>>()
  let week = 0
  let size = 0

  function clear(): void {
    ofUrl.clear()
    size = 0
  }

  return {
    of: ({ url, headers }: Form): number | undefined => ofUrl.get(url)?.get(headers),
    set({ url, headers }: Form, id: number): void {
      const ids = ofUrl.get(url) ?? new Map<string, number>()
      ofUrl.set(url, ids.set(headers, id))
      size++
    },
    makeRoom(): void {
      if (size > MAX_REMEMBERED) clear()
    },
    /** A form has another id in each week. */
    beginWeek(next: number): void {
      if (next !== week) clear()
      week = next
    },
  }
}

function digestOf({ url, headers }: Form): string {
  return createHash('sha256')
    .update(`${url ?? ''} ${headers}`)
    .digest('hex')
    .slice(0, 32)
}
