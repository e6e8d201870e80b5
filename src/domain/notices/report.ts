// Reports: what happened that somebody may want to be told of, and the `data` of the operational event that tells it. Times
// are ISO 8601 texts, because reports are stored as JSON.

import { OPERATIONAL_EVENT_TYPES } from '../event-types/catalogue.ts'
import { toPublicId } from '../values/id.ts'

/** What a report holds besides its endpoint, by its kind. These kinds are names of operational events. */
type EventDetails = {
  'endpoint.warning': {
    readonly failingSince: string
    readonly lastSuccessAt: string | null
    readonly consecutiveFailures: number
    readonly failedDeliveries: number
    readonly disablesAt: string | null
    /** Whether the gateway warned before, and now says that it will soon disable the endpoint. */
    readonly again: boolean
  }
  'endpoint.disabled': {
    readonly reason: string
    readonly failingSince?: string
    readonly failedDeliveries?: number
  }
  'endpoint.recovered': { readonly failedSince: string | null; readonly recoveredAt: string }
  'delivery.dead_lettered': {
    readonly deliveryId: string
    readonly eventId: string
    readonly eventType: string
    readonly reason: string
    readonly attemptCount: number
    readonly statusCode: number | null
    readonly errorCode: string | null
  }
  'backlog.growing': { readonly oldestDueAt: string; readonly waitingCount: number }
  'signing_secret.rotation_due': { readonly secretCreatedAt: string; readonly ageDays: number }
}

type ReportOf<Kind, Details> = {
  readonly kind: Kind
  readonly tenantId: string
  readonly endpointId: string
  readonly details: Details
}

/** A report that an operational event tells of. */
export type EventReport = { [Kind in keyof EventDetails]: ReportOf<Kind, EventDetails[Kind]> }[keyof EventDetails]

/** Only notices tell of these: dead letters that were counted in a round of the statistics, and the gateway's own network. */
type NoticeReport =
  | ReportOf<'dead_letters.counted', { readonly count: number }>
  | { readonly kind: 'network.failing'; readonly tenantId: null; readonly endpointId: null; readonly details: object }

export type Report = EventReport | NoticeReport

const EVENT_KINDS: ReadonlySet<string> = new Set(OPERATIONAL_EVENT_TYPES.map(({ name }) => name))

/** Whether an operational event tells of the report. A later release may have stored one that this release does not know. */
export function isEventReport<R extends Report>(report: R): report is R & EventReport {
  return EVENT_KINDS.has(report.kind)
}

/** The endpoint that a report is about, and why its last attempt failed. */
export type ReportedEndpoint = {
  readonly id: string
  readonly name: string
  readonly url: string
  readonly errorCode: string | null
  readonly statusCode: number | null
}

/** The `data` of the operational event that tells of a report. `at` is when it happened. */
export function operationalData(report: EventReport, endpoint: ReportedEndpoint, at: Date): Record<string, unknown> {
  return {
    endpoint: {
      endpoint_id: toPublicId('endpoint', endpoint.id),
      name: endpoint.name,
      host: new URL(endpoint.url).host,
    },
    ...dataOf(report, endpoint, at),
  }
}

function dataOf(report: EventReport, { errorCode, statusCode }: ReportedEndpoint, at: Date): Record<string, unknown> {
  switch (report.kind) {
    case 'endpoint.warning': {
      const { failingSince, lastSuccessAt, consecutiveFailures, failedDeliveries, disablesAt } = report.details
      return {
        failing_since: failingSince,
        last_success_at: lastSuccessAt,
        consecutive_failures: consecutiveFailures,
        failed_deliveries: failedDeliveries,
        error_code: errorCode,
        status_code: statusCode,
        disables_at: disablesAt,
      }
    }
    case 'endpoint.disabled': {
      const { reason, failingSince = null, failedDeliveries = null } = report.details
      return {
        reason,
        disabled_at: at.toISOString(),
        failing_since: failingSince,
        failed_deliveries: failedDeliveries,
      }
    }
    case 'endpoint.recovered': {
      const { failedSince, recoveredAt } = report.details
      return { failed_since: failedSince, recovered_at: recoveredAt }
    }
    case 'delivery.dead_lettered': {
      const { details } = report
      return {
        delivery_id: toPublicId('delivery', details.deliveryId),
        event_id: toPublicId('event', details.eventId),
        event_type: details.eventType,
        reason: details.reason,
        attempt_count: details.attemptCount,
        error_code: details.errorCode,
        status_code: details.statusCode,
        dead_lettered_at: at.toISOString(),
      }
    }
    case 'backlog.growing': {
      const { oldestDueAt, waitingCount } = report.details
      return { oldest_due_at: oldestDueAt, waiting_count: waitingCount }
    }
    case 'signing_secret.rotation_due': {
      const { secretCreatedAt, ageDays } = report.details
      return { secret_created_at: secretCreatedAt, age_days: ageDays }
    }
    default: {
      const never: never = report
      throw new Error(`Unknown report ${JSON.stringify(never)}`)
    }
  }
}
