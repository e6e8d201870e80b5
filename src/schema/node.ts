import { brandWithType } from '@pothos/core'
import { type IdKind, kindOfId } from '../domain/values/id.ts'
import { RequestError } from '../errors.ts'
import { findApiKey } from './api-key.ts'
import { findAttempt } from './attempt.ts'
import { findAuditEntry } from './audit-entry.ts'
import { ADMINISTRATORS, builder, READERS, type RequestContext } from './builder.ts'
import { findBulkRetryNode } from './bulk-retry.ts'
import { findConsoleSession } from './console-session.ts'
import { findDelivery } from './delivery.ts'
import { findEndpoint } from './endpoint.ts'
import { findEvent } from './event.ts'
import { findNoticeRecipient } from './notice-recipient.ts'
import { type Lookup, lookup, viewerOf } from './tenancy.ts'
import { findTenant } from './tenant.ts'

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
