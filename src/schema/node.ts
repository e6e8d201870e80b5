import { brandWithType } from '@pothos/core'
import { type IdKind, kindOfId } from '../domain/values/id.ts'
import { RequestError } from '../errors.ts'
import { findApiKey } from './access/api-key.ts'
import { findAuditEntry } from './access/audit-entry.ts'
import { findConsoleSession } from './access/console-session.ts'
import { type Lookup, lookup, viewerOf } from './access/tenancy.ts'
import { findTenant } from './access/tenant.ts'
import { ADMINISTRATORS, builder, READERS, type RequestContext } from './base/builder.ts'
import { findAttempt } from './delivery/attempt.ts'
import { findBulkRetryNode } from './delivery/bulk-retry.ts'
import { findDelivery } from './delivery/delivery.ts'
import { findEndpoint } from './endpoint/endpoint.ts'
import { findNoticeRecipient } from './endpoint/notice-recipient.ts'
import { findEvent } from './event/event.ts'

type Finder = (ctx: RequestContext, what: Lookup) => Promise<{ id: string } | null>

const FINDERS: Partial<Record<IdKind, { type: string; roles: readonly string[]; find: Finder }>> = {
  tenant: { type: 'Tenant', roles: READERS, find: findTenant },
  apiKey: { type: 'ApiKey', roles: ADMINISTRATORS, find: findApiKey },
  auditEntry: { type: 'AuditEntry', roles: ADMINISTRATORS, find: findAuditEntry },
  consoleSession: { type: 'ConsoleSession', roles: ADMINISTRATORS, find: findConsoleSession },
  endpoint: { type: 'Endpoint', roles: READERS, find: findEndpoint },
  event: { type: 'Event', roles: READERS, find: findEvent },
  delivery: { type: 'Delivery', roles: READERS, find: findDelivery },
  attempt: { type: 'Attempt', roles: READERS, find: findAttempt },
  noticeRecipient: { type: 'NoticeRecipient', roles: ADMINISTRATORS, find: findNoticeRecipient },
  bulkRetry: { type: 'BulkRetry', roles: READERS, find: findBulkRetryNode },
}

builder.queryField('node', (t) =>
  t.field({
    type: builder.nodeInterfaceRef(),
    nullable: true,
    description: 'The object with this id; null if it does not exist or the caller cannot see it.',
    authScopes: { roles: READERS },
    args: { id: t.arg.id({ required: true, description: 'The id of an object of any type that implements Node.' }) },
    resolve: async (_root, { id }, ctx) => {
      const kind = kindOfId(id)
      const finder = kind && FINDERS[kind]
      const what = kind && lookup(ctx, kind, id)
      if (!finder || !what) return null
      const { role } = viewerOf(ctx)
      if (!finder.roles.includes(role))
        throw new RequestError(
          'FORBIDDEN',
          `Expected a role that may read ${finder.type}, got ${role}. Use another key.`,
        )
      const found = await finder.find(ctx, what)
      if (found) brandWithType(found, finder.type as never)
      return found
    },
  }),
)
