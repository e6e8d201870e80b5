// Takes the reports, oldest first, in one process at a time, and tells of them. Promise: what tells of a report commits together
// with its removal, so a report is told once.

import type { Context } from '../../context.ts'
import { NOTICES_LOCK } from '../../database/locks.ts'
import type { Statement } from '../../database/pools.ts'
import { repeat } from '../../database/waiting.ts'
import { operationalData, type Report, type ReportedEndpoint } from '../../domain/report.ts'
import { type OperationalEvent, storeOperationalEvents } from '../publish/store-operational-events.ts'

const BETWEEN_ROUNDS_MS = 1_000
const MOST_REPORTS = 500

const TAKE_TURN: Statement = { name: 'notices-lock', text: 'select pg_try_advisory_xact_lock($1::bigint) as mine' }

const TAKE: Statement = {
  name: 'take-reports',
  text: `
    with taken as (
      delete from report where id = any (array(select id from report order by id limit ${MOST_REPORTS}))
      returning id, at, kind, tenant_id, endpoint_id, details
    )
    select id, at, kind, tenant_id as "tenantId", endpoint_id as "endpointId", details from taken order by id`,
}

const READ_ENDPOINTS: Statement = {
  name: 'read-reported-endpoints',
  text: `
    select e.id, e.name, e.url, last.error_code as "errorCode", last.status_code as "statusCode"
    from endpoint e
    left join lateral (
      select error_code, status_code from attempt
      where endpoint_id = e.id and error_code is not null and trigger <> 'TEST' order by id desc limit 1) last on true
    where e.id = any ($1::uuid[])`,
}

type TakenReport = Report & { readonly at: Date }

/** Takes up to 500 reports. Returns how many; 0 also if another process takes them. */
export async function takeReports(ctx: Pick<Context, 'hot' | 'config' | 'newId'>): Promise<number> {
  return ctx.hot.transaction(async (tx) => {
    const [turn] = await tx.query<{ mine: boolean }>(TAKE_TURN, [NOTICES_LOCK])
    if (!turn!.mine) return 0
    const reports = await tx.query<TakenReport>(TAKE, [])
    if (reports.length === 0) return 0
    const ids = [...new Set(reports.map(({ endpointId }) => endpointId))]
    const endpoints = new Map((await tx.query<ReportedEndpoint>(READ_ENDPOINTS, [ids])).map((row) => [row.id, row]))
    await storeOperationalEvents(ctx, tx, eventsOf(reports, endpoints))
    return reports.length
  })
}

function eventsOf(
  reports: readonly TakenReport[],
  endpoints: ReadonlyMap<string, ReportedEndpoint>,
): OperationalEvent[] {
  return reports.flatMap((report) => {
    const endpoint = endpoints.get(report.endpointId)
    // Its tenant was erased.
    if (!endpoint) return []
    const { kind, tenantId, endpointId, at } = report
    return { tenantId, endpointId, type: kind, occurredAt: at, data: operationalData(report, endpoint, at) }
  })
}

/** Takes reports in rounds until the returned function is called. */
export function keepTakingReports(ctx: Context): () => Promise<void> {
  return repeat(BETWEEN_ROUNDS_MS, async () => {
    try {
      while ((await takeReports(ctx)) === MOST_REPORTS);
    } catch (error) {
      ctx.log.warn({ err: error }, 'reports.not_taken')
    }
  })
}
