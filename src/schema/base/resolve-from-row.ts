// If the row already has every selected column, resolves the field from the row. Otherwise the Prisma plugin would search,
// for each field of each row, the query that loaded it: a seventh of the gateway's cost of a delivery with a subscriber.

import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core'
import { defaultFieldResolver, type GraphQLFieldResolver } from 'graphql'

export const RESOLVE_FROM_ROW = 'resolveFromRow'

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      resolveFromRow: ResolveFromRowPlugin<Types>
    }
  }
}

/** The names of columns, with the columns of a related row. */
type Columns = readonly (readonly [name: string, ofRelated: Columns | null])[]

type Resolver<Types extends SchemaTypes> = GraphQLFieldResolver<unknown, Types['Context'], object>

class ResolveFromRowPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  // `lookingUp` is the Prisma plugin's resolver, which wraps the field's own.
  override wrapResolve(lookingUp: Resolver<Types>, field: PothosOutputFieldConfig<Types>): Resolver<Types> {
    const columns = field.kind === 'PrismaObject' ? columnsOf(field.extensions?.['pothosPrismaSelect']) : null
    if (!columns) return lookingUp
    const own = (field.resolve ?? defaultFieldResolver) as Resolver<Types>
    return (row, args, ctx, info) => (holds(row, columns) ? own : lookingUp)(row, args, ctx, info)
  }
}

/** The columns of a selection; null if the field needs more: lists, arguments, selections that depend on the request. */
function columnsOf(select: unknown): Columns | null {
  if (typeof select !== 'object' || select === null) return null
  const columns: [string, Columns | null][] = []
  for (const [name, wanted] of Object.entries(select)) {
    if (wanted === true) {
      columns.push([name, null])
      continue
    }
    const { select: ofRelated, ...more } = (wanted ?? {}) as { select?: unknown }
    const nested = Object.keys(more).length === 0 ? columnsOf(ofRelated) : null
    if (!nested) return null
    columns.push([name, nested])
  }
  return columns
}

function holds(row: unknown, columns: Columns): boolean {
  for (const [name, ofRelated] of columns) {
    const value = (row as Record<string, unknown>)[name]
    if (value === undefined) return false
    if (ofRelated && !(value !== null && typeof value === 'object' && !Array.isArray(value) && holds(value, ofRelated)))
      return false
  }
  return true
}

SchemaBuilder.registerPlugin(RESOLVE_FROM_ROW, ResolveFromRowPlugin)
