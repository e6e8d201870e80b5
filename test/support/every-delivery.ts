import type { DeliveryFilter } from '../../src/domain/delivery/filter.ts'

/** A filter that all deliveries of the tenant pass, narrowed by `more`. */
export function everyDelivery(tenantId: string, more: Partial<DeliveryFilter> = {}): DeliveryFilter {
  return {
    tenantId,
    endpointIds: null,
    statuses: null,
    reasons: null,
    statusCodes: null,
    errorCodes: null,
    eventTypes: null,
    eventId: null,
    subject: null,
    test: null,
    retried: null,
    from: null,
    to: null,
    ...more,
  }
}
