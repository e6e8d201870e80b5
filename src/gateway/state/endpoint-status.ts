// The one place that changes the status of an endpoint. People pause, resume and delete an endpoint; the gateway disables it
// when its receiver answers 410, or has failed for days. Promise: the change, its audit entry and its report commit together.
//
//   ACTIVE ─▶ PAUSED     endpoint.paused            PAUSED, DISABLED ─▶ ACTIVE     endpoint.resumed
//   ACTIVE ─▶ DISABLED   endpoint.disabled          any ─▶ deleted                 endpoint.deleted

import type { Queryable, Statement } from '../../database/pools.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import type { EndpointStatus } from '../../generated/prisma/enums.ts'
import { type Actor, auditOnHot, nameOf } from './audit.ts'
import { endWarnings, forgetHealth } from './endpoint-health.ts'
import { noteReports } from './reports.ts'

export type EndpointChange = keyof typeof CHANGES

type Change = { readonly from: readonly EndpointStatus[]; readonly to: EndpointStatus | null }

/** `to` null: the endpoint is deleted and keeps its status. */
const CHANGES = {
  paused: { from: ['ACTIVE'], to: 'PAUSED' },
  resumed: { from: ['PAUSED', 'DISABLED'], to: 'ACTIVE' },
  disabled: { from: ['ACTIVE'], to: 'DISABLED' },
  deleted: { from: ['ACTIVE', 'PAUSED', 'DISABLED'], to: null },
} as const satisfies Record<string, Change>

// Endpoints are locked in the order of their ids, so that two transactions never deadlock.
const CHANGE: Statement = {
  name: 'change-endpoint-status',
  text: `
    with found as (
      select id, status from endpoint
      where id = any ($1::uuid[]) and deleted_at is null and status = any ($2::endpoint_status[])
      order by id for no key update
    )
    update endpoint e set status = coalesce($3::endpoint_status, e.status),
      status_changed_at = date_trunc('milliseconds', now()), status_changed_by = $5,
      disabled_reason = case when $3 is null then e.disabled_reason else $4 end,
      deleted_at = case when $3 is null then date_trunc('milliseconds', now()) end
    from found where e.id = found.id
    returning e.id, e.tenant_id as "tenantId", found.status as before`,
}

export type ChangeOptions = {
  readonly by: Actor
  /** Why the gateway disabled it, as the API shows it. */
  readonly disabledReason?: 'gone' | 'failing'
  /** The details of an endpoint's audit entry. */
  readonly detailsOf?: (endpointId: string) => Prisma.InputJsonObject | undefined
}

/** The statuses from which a change is allowed. */
export function statusesBefore(change: EndpointChange): readonly EndpointStatus[] {
  return CHANGES[change].from
}

/** Changes the status of the endpoints whose present status allows it. Returns the ids of those. */
export async function changeEndpointStatus(
  on: Queryable,
  endpointIds: readonly string[],
  change: EndpointChange,
  { by, disabledReason, detailsOf }: ChangeOptions,
): Promise<readonly string[]> {
  const { from, to } = CHANGES[change]
  const changed = await on.query<{ id: string; tenantId: string; before: EndpointStatus }>(CHANGE, [
    endpointIds,
    from,
    to,
    disabledReason ?? null,
    nameOf(by),
  ])
  const ids = changed.map(({ id }) => id)
  // What happened before says nothing about the receiver after a person resumed the endpoint.
  if (change === 'resumed' && ids.length) await forgetHealth(on, ids)
  if (change === 'disabled' && ids.length) await endWarnings(on, ids)
  if (disabledReason)
    await noteReports(
      on,
      changed.map(({ id, tenantId }) => ({
        kind: 'endpoint.disabled',
        tenantId,
        endpointId: id,
        details: { ...detailsOf?.(id), reason: disabledReason },
      })),
    )
  for (const { id, tenantId, before } of changed)
    await auditOnHot(on, by, {
      tenantId,
      action: `endpoint.${change}`,
      target: { kind: 'endpoint', id },
      details: { ...detailsOf?.(id), before: { status: before }, ...(to ? { after: { status: to } } : {}) },
    })
  return ids
}
