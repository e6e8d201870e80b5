// Which rows are a tenant's: it is erased and moved by them.

const OF_TENANT = 'tenant_id = $1'
const OF_ENDPOINTS = 'endpoint_id in (select id from endpoint where tenant_id = $1)'

/** The tables whose rows do not say by themselves whose they are, or that are read along the index of the endpoint. */
const NOT_BY_TENANT_ID: Readonly<Record<string, string>> = {
  tenant: 'id = $1',
  signing_secret: OF_ENDPOINTS,
  endpoint_health: OF_ENDPOINTS,
  endpoint_gate: OF_ENDPOINTS,
  subject_wake_up: OF_ENDPOINTS,
  notice: 'recipient_id in (select id from notice_recipient where tenant_id = $1)',
  bulk_retry_tally: 'bulk_retry_id in (select id from bulk_retry where tenant_id = $1)',
  statistic: 'scope_id = any (array(select id from endpoint where tenant_id = $1) || $1::uuid)',
}

/** SQL: whether a row of this table is of the tenant $1. */
export const isOfTenant = (table: string): string => NOT_BY_TENANT_ID[table] ?? OF_TENANT
