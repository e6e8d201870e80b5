// Pages of lists. Lists are sorted by id, newest first, because ids follow the order of creation. A cursor is a position
// in this order and not a row, so it stays valid when its row is gone.

import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import { uuidOf } from '../../domain/values/id.ts'
import { RequestError } from '../../errors.ts'
import { builder, type RequestContext } from './builder.ts'

const DEFAULT_PAGE_SIZE = 50
const MAX_PAGE_SIZE = 100

export type PageArgs = { first?: number | null; after?: string | null }

/** The requested page: `size` items with ids below `below`. */
export type PageRequest = { readonly size: number; readonly below: string | null }

/** The arguments of every list. */
export const pageArgs = builder.args((t) => ({
  first: t.int({
    description: `How many items to return at most, from 1 to ${MAX_PAGE_SIZE}. The default is ${DEFAULT_PAGE_SIZE}.`,
  }),
  after: t.string({ description: 'A cursor of this list. The page begins after it.' }),
}))

/** Reads the arguments of a list. Throws BAD_USER_INPUT if the page size is out of range or the cursor is not one. */
export function readPage(
  { first, after }: PageArgs,
  defaultSize = DEFAULT_PAGE_SIZE,
  maxSize = MAX_PAGE_SIZE,
): PageRequest {
  const size = first ?? defaultSize
  if (size < 1 || size > maxSize)
    throw new RequestError(
      'BAD_USER_INPUT',
      `first: expected 1 to ${maxSize}, got ${size}. Ask for a page of another size.`,
    )
  return { size, below: after == null ? null : readCursor(after) }
}

/** The cost of a list: the cost of one item, multiplied by the page size. */
export function pageCost(defaultSize = DEFAULT_PAGE_SIZE, maxSize = MAX_PAGE_SIZE) {
  return ({ first }: PageArgs) => ({
    field: 1,
    multiplier: Math.min(Math.max(first ?? defaultSize, 1), maxSize),
  })
}

/** The bounds of a query for a page. It asks for one item more, which shows whether another page follows. */
export function pageQuery<Where extends object>({ size, below }: PageRequest, where: Where) {
  const bounded = below === null ? where : { AND: [where, { id: { lt: below } }] }
  return { orderBy: { id: 'desc' as const }, take: size + 1, where: bounded as Where }
}

/** The columns that the client selected of the items on a page, and those of `select`, as part of a Prisma query. */
export function pageSelection<Select extends object = { id: true }>(
  ctx: RequestContext,
  info: GraphQLResolveInfo,
  select?: Select,
) {
  return queryFromInfo({
    context: ctx,
    info,
    select: { id: true, ...select } as Select & { id: true },
    paths: [['nodes'], ['edges', 'node']],
  })
}

/**
 * A page from the items that `pageQuery` found. `walkedTo`: the list was not read to its end, and goes on below this id, where
 * the page is not full.
 */
export function toPage<Node extends { id: string }>(
  found: readonly Node[],
  { size, below }: PageRequest,
  walkedTo: string | null = null,
) {
  const edges = found.slice(0, size).map((node) => ({ cursor: writeCursor(node.id), node }))
  return {
    edges,
    pageInfo: {
      hasNextPage: found.length > size || walkedTo !== null,
      hasPreviousPage: below !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: walkedTo === null ? (edges.at(-1)?.cursor ?? null) : writeCursor(walkedTo),
    },
  }
}

/**
 * A page whose ids were found first, one more than it has items if another page follows, and whose rows were read then. A row may be
 * gone by then, or match no more and be left out: the page has fewer items, and the next one follows all the same.
 */
export function toPageOf<Node extends { id: string }>(
  ids: readonly string[],
  rows: readonly Node[],
  page: PageRequest,
  walkedTo: string | null = null,
) {
  const beyond = ids[page.size]
  if (beyond === undefined) return toPage(rows, page, walkedTo)
  return toPage(
    rows.filter(({ id }) => id !== beyond),
    page,
    ids[page.size - 1],
  )
}

function writeCursor(id: string): string {
  return Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url')
}

function readCursor(text: string): string {
  const hex = Buffer.from(text, 'base64url').toString('hex')
  const id = uuidOf(hex)
  if (hex.length !== 32 || writeCursor(id) !== text)
    throw new RequestError(
      'BAD_USER_INPUT',
      `after: expected a cursor from a list, got ${JSON.stringify(text.slice(0, 60))}. Use endCursor of the page before.`,
    )
  return id
}
