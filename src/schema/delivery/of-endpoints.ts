// Endpoint.deliveries for a whole page of endpoints. All endpoints that ask in one tick are read in two queries. The
// database reads each endpoint's page with its own index scan, so an endpoint with a long history costs no more than
// another.

import { createContextCache } from '@pothos/core'
import type { GraphQLResolveInfo } from 'graphql'
import type { PrismaClient } from '../../generated/prisma/client.ts'
import type { RequestContext } from '../base/builder.ts'
import { type PageRequest, pageSelection } from '../base/connections.ts'
import { readList } from '../base/listed.ts'

type Found = { id: string }[]
type Batch = { readonly endpointIds: string[]; readonly found: Promise<Map<string, Found>> }

const batches = createContextCache(() => new Map<string, Batch>())

/** The newest deliveries of an endpoint on a page, and one more if another page follows. */
export async function newestOfEach(
  ctx: RequestContext,
  info: GraphQLResolveInfo,
  page: PageRequest,
  endpointId: string,
): Promise<Found> {
  const open = batches(ctx)
  // Called for each endpoint: this also tells the fields below that their columns were read.
  const selection = pageSelection(ctx, info)
  const key = JSON.stringify([fieldPath(info), page.size, page.below])
  let batch = open.get(key)
  if (!batch) {
    const endpointIds: string[] = []
    const found = Promise.resolve().then(() => {
      open.delete(key)
      return load(ctx, selection, page, endpointIds)
    })
    batch = { endpointIds, found }
    open.set(key, batch)
  }
  batch.endpointIds.push(endpointId)
  return (await batch.found).get(endpointId) ?? []
}

async function load(
  ctx: RequestContext,
  selection: ReturnType<typeof pageSelection>,
  { size, below }: PageRequest,
  endpointIds: string[],
) {
  return readList(ctx, (db) => loadFrom(db, selection, { size, below }, endpointIds))
}

async function loadFrom(
  db: PrismaClient,
  selection: ReturnType<typeof pageSelection>,
  { size, below }: PageRequest,
  endpointIds: string[],
) {
  const places = await db.$queryRaw<{ id: string; endpointId: string }[]>`
    select d.id::text as id, e.id::text as "endpointId"
    from unnest(${[...new Set(endpointIds)]}::uuid[]) as e (id)
    cross join lateral (
      select id from delivery
      where endpoint_id = e.id and id < coalesce(${below}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      order by id desc limit ${size + 1}
    ) d
    order by d.id desc`
  const rows = await db.delivery.findMany({
    where: { id: { in: places.map(({ id }) => id) } },
    ...selection,
  })
  const rowOf = new Map(rows.map((row) => [row.id, row]))
  const found = new Map<string, Found>()
  for (const { id, endpointId } of places) {
    const row = rowOf.get(id)
    if (row) found.set(endpointId, [...(found.get(endpointId) ?? []), row])
  }
  return found
}

/** The path of a field in the request, without positions in lists. */
function fieldPath(info: GraphQLResolveInfo): string {
  const keys: string[] = []
  for (let at: GraphQLResolveInfo['path'] | undefined = info.path; at; at = at.prev) {
    if (typeof at.key === 'string') keys.push(at.key)
  }
  return keys.reverse().join('.')
}
