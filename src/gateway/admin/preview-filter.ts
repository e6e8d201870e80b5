// Tries a filter on the newest events of a tenant, before it is saved.

import type { Context } from '../../context.ts'
import { meetsCondition } from '../../database/filters/wanted-events.ts'
import { EVENT_TYPES } from '../../domain/event-types/catalogue.ts'

/** The most events that a preview looks at. */
export const MAX_PREVIEWED = 500
/** How long it may take: an event that is not reached by then is not counted. */
const PREVIEW_MS = 3_000

/** `eventTypes` null: all but the operational ones. */
export type TriedFilter = { readonly eventTypes: readonly string[] | null; readonly condition: string | null }

export type FilterPreview = {
  /** Events that were looked at. */
  readonly checked: number
  /** For how many of them the condition could not be evaluated. They do not match. */
  readonly failed: number
  /** The ids of those that match, newest first. */
  readonly matched: readonly string[]
}

const ALL_TYPES = EVENT_TYPES.map(({ name }) => name)

const PREVIEW = `
  select id::text, case
    when clock_timestamp() > statement_timestamp() + interval '${PREVIEW_MS} ms' then 'unchecked'
    when type <> all ($3::text[]) then 'other'
    else case ${meetsCondition('$4::text', 'body')} when true then 'matches' when false then 'other' else 'failed' end
    end as verdict
  from (select id, type, body from event where tenant_id = $1::uuid and not test and body is not null
    order by id desc limit $2::int) newest`

/** Tries the filter on the newest `last` events of the tenant that are no tests. The condition has been checked. */
export async function previewFilter(
  { db }: Pick<Context, 'db'>,
  { tenantId, last, eventTypes, condition }: TriedFilter & { readonly tenantId: string; readonly last: number },
): Promise<FilterPreview> {
  type Row = { id: string; verdict: 'matches' | 'other' | 'failed' | 'unchecked' }
  const rows = await db.$queryRawUnsafe<Row[]>(PREVIEW, tenantId, last, eventTypes ?? ALL_TYPES, condition)
  const checked = rows.filter(({ verdict }) => verdict !== 'unchecked')
  return {
    checked: checked.length,
    failed: checked.filter(({ verdict }) => verdict === 'failed').length,
    matched: checked.filter(({ verdict }) => verdict === 'matches').map(({ id }) => id),
  }
}
