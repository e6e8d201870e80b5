// Takes the reports, oldest first, in one process at a time, and tells of them: by operational events, and by notices of the
// incidents that they begin. Promise: what tells of a report commits together with its removal, so a report is told once.

import type { Context } from '../../context.ts'
import { NOTICES_LOCK } from '../../database/locks.ts'
import type { Statement } from '../../database/pools.ts'
import type { TakenReport } from '../../domain/notices/incident.ts'
import { isEventReport, operationalData, type ReportedEndpoint } from '../../domain/notices/report.ts'
import { type OperationalEvent, storeOperationalEvents } from '../publish/store-operational-events.ts'
import { beginIncidents } from './incidents.ts'

export const MOST_REPORTS = 500

// Most rounds have nothing to do, and need no transaction to find that out.
const LOOK: Statement = { name: 'look-for-reports', text: 'select exists (select 1 from report) as "hasReports"' }

const TAKE_TURN: Statement = { name: 'notices-lock', text: 'select pg_try_advisory_xact_lock($1::bigint) as mine' }

// Nothing is published for a tenant that is moving to another cell.
const STAYS = `(tenant_id is null or tenant_id <> all (array(select tenant_id from tenant_move where phase <> 'COPYING')))`

const TAKE: Statement = {
  name: 'take-reports',
  text: `
    with taken as (
      delete from report where id = any (array(
        select id from report where ${STAYS} order by id limit ${MOST_REPORTS}))
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

/** Takes up to 500 reports. Returns how many; 0 also if another process takes them. */
export async function takeReports(ctx: Pick<Context, 'hot' | 'config' | 'newId'>): Promise<number> {
  const [seen] = await ctx.hot.query<{ hasReports: boolean }>(LOOK, [])
  if (!seen!.hasReports) return 0
  return ctx.hot.transaction(async (tx) => {
    const [turn] = await tx.query<{ mine: boolean }>(TAKE_TURN, [NOTICES_LOCK])
    if (!turn!.mine) return 0
    const reports = await tx.query<TakenReport>(TAKE, [])
    if (reports.length === 0) return 0
    const ids = [...new Set(reports.flatMap(({ endpointId }) => endpointId ?? []))]
    const endpoints = new Map((await tx.query<ReportedEndpoint>(READ_ENDPOINTS, [ids])).map((row) => [row.id, row]))
    await storeOperationalEvents(ctx, tx, eventsOf(reports, endpoints))
    await beginIncidents(ctx, tx, withFacts(reports, endpoints))
    return reports.length
  })
}

type Endpoints = ReadonlyMap<string, ReportedEndpoint>

function eventsOf(reports: readonly TakenReport[], endpoints: Endpoints): OperationalEvent[] {
  return reports.filter(isEventReport).flatMap((report) => {
    const endpoint = endpoints.get(report.endpointId)
    // Its tenant was erased.
    if (!endpoint) return []
    const { kind, tenantId, endpointId, at } = report
    return { tenantId, endpointId, type: kind, occurredAt: at, data: operationalData(report, endpoint, at) }
  })
}

/** The reports of endpoints that exist and of the gateway itself, with why the last attempt failed. */
function withFacts(reports: readonly TakenReport[], endpoints: Endpoints): TakenReport[] {
  return reports.flatMap((report) => {
    if (report.endpointId === null) return report
    const endpoint = endpoints.get(report.endpointId)
    if (!endpoint) return []
    const { errorCode, statusCode } = endpoint
    return { ...report, facts: { errorCode, statusCode } }
  })
}
