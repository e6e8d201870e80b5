import { listedFailedAttempts } from '../../database/filters/failed-attempts.ts'
import type { FailedAttemptFilter } from '../../domain/delivery/failed-attempt-filter.ts'
import type { Prisma } from '../../generated/prisma/client.ts'
import { endpointsOfTenant, tenantOfList } from '../access/tenancy.ts'
import { builder, READERS, type RequestContext } from '../base/builder.ts'
import { pageArgs, pageCost, pageSelection, readPage, toPageOf } from '../base/connections.ts'
import { CountType } from '../base/count.ts'
import { countListed, newestIds, readList } from '../base/listed.ts'
import { Attempt } from './attempt.ts'
import { Delivery } from './delivery.ts'

builder.prismaObjectField(Attempt, 'delivery', (t) =>
  t.relation('delivery', { type: Delivery, description: 'The delivery that the attempt belongs to.' }),
)

const OF_DELIVERY = {
  delivery: { select: { status: true, attemptCount: true } },
} as const satisfies Prisma.AttemptSelect

type Found = { readonly id: string; readonly delivery: Succeeded | null }
type Succeeded = { readonly status: string; readonly attemptCount: number }

/** As the filter `delivered` asks the database. */
function hasSucceeded({ status, attemptCount }: Succeeded): boolean {
  return status === 'SUCCEEDED' && attemptCount > 1
}

const AttemptConnection = builder.connectionObject(
  { type: Attempt, name: 'AttemptConnection', description: 'A page of attempts.' },
  { description: 'An attempt and its place in the list.' },
)

const FailedAttemptFilterInput = builder.inputType('FailedAttemptFilter', {
  description:
    'A filter for failed attempts. An attempt matches if it matches every field; it matches a list if it matches one of its members. A field that is absent or null matches every attempt; an empty list matches none.',
  fields: (t) => ({
    tenantId: t.id({ description: 'The tenant. Operators must name it; for others it is their own.' }),
    endpointIds: t.idList({ description: 'The ids of endpoints.' }),
    statusCodes: t.intList({ description: 'The HTTP status codes of the replies.' }),
    errorCodes: t.stringList({ description: 'The error codes, such as `timeout` or `http_status`.' }),
    delivered: t.boolean({
      description:
        'Whether to match only attempts whose delivery has succeeded since (true) or has not (false). If absent or null, both match.',
    }),
    test: t.boolean({
      description: 'Whether to match only tests (true) or no tests (false). If absent or null, both match.',
    }),
    from: t.field({ type: 'DateTime', description: 'The earliest time at which an attempt began, inclusive.' }),
    to: t.field({ type: 'DateTime', description: 'The latest time at which an attempt began, exclusive.' }),
  }),
})

async function filterOf(
  ctx: RequestContext,
  filter: typeof FailedAttemptFilterInput.$inferInput | null | undefined,
): Promise<FailedAttemptFilter> {
  const tenantId = await tenantOfList(ctx, filter?.tenantId, 'filter.tenantId')
  return {
    tenantId,
    endpointIds: filter?.endpointIds
      ? await endpointsOfTenant(ctx, tenantId, filter.endpointIds, 'filter.endpointIds')
      : null,
    statusCodes: filter?.statusCodes ?? null,
    errorCodes: filter?.errorCodes ?? null,
    delivered: filter?.delivered ?? null,
    test: filter?.test ?? null,
    from: filter?.from ?? null,
    to: filter?.to ?? null,
  }
}

builder.queryFields((t) => ({
  failedAttempts: t.field({
    type: AttemptConnection,
    nullable: true,
    description:
      'The attempts of a tenant that failed, newest first, also those whose delivery succeeded later; null, with the error NOT_FOUND, if the caller cannot see what the filter names.',
    authScopes: { roles: READERS },
    args: {
      ...pageArgs,
      filter: t.arg({ type: FailedAttemptFilterInput, description: 'Which failed attempts to return.' }),
    },
    complexity: pageCost(),
    resolve: async (_root, args, ctx, info) => {
      const page = readPage(args)
      const filter = await filterOf(ctx, args.filter)
      return readList(ctx, async (db) => {
        const listed = listedFailedAttempts(filter)
        const ids = await newestIds(db, listed, { limit: page.size + 1, below: page.below })
        const found: Found[] = await db.attempt.findMany({
          where: { id: { in: ids } },
          orderBy: { id: 'desc' },
          ...pageSelection(ctx, info, OF_DELIVERY),
        })
        // Between the two reads a delivery may succeed, or retention take it.
        return toPageOf(
          ids,
          found.filter(({ delivery }) => delivery && [null, hasSucceeded(delivery)].includes(filter.delivered)),
          page,
        )
      })
    },
  }),
  failedAttemptCount: t.field({
    type: CountType,
    nullable: true,
    description:
      'The number of failed attempts that match a filter; null, with the error NOT_FOUND, if the caller cannot see what the filter names.',
    authScopes: { roles: READERS },
    args: { filter: t.arg({ type: FailedAttemptFilterInput, description: 'Which failed attempts to count.' }) },
    resolve: async (_root, args, ctx) => {
      const listed = listedFailedAttempts(await filterOf(ctx, args.filter))
      return readList(ctx, (db) => countListed(db, listed))
    },
  }),
}))
