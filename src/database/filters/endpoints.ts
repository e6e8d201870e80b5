// A filter of a tenant's endpoints as the database is asked. A tenant has a few hundred endpoints at most, so no index is
// needed beyond that of the tenant.

import type { Metadata } from '../../domain/endpoint/identity.ts'

export type EndpointListFilter = {
  /** A part of it, in upper or lower case. */
  readonly name: string | null
  /** A part of it, in upper or lower case. */
  readonly url: string | null
  readonly externalId: string | null
  /** Entries that the endpoint must have. */
  readonly metadata: Metadata | null
}

/** The conditions, all of which must hold, as Prisma takes them. */
export function endpointConditions({ name, url, externalId, metadata }: EndpointListFilter) {
  const texts = [name, url, externalId, ...Object.entries(metadata ?? {}).flat()]
  // Postgres takes no NUL in a text, so no row has one.
  if (texts.some((text) => text?.includes('\0'))) return [{ id: { in: [] } }]
  return [
    ...(name === null ? [] : [{ name: partOf(name) }]),
    ...(url === null ? [] : [{ url: partOf(url) }]),
    ...(externalId === null ? [] : [{ externalId }]),
    ...Object.entries(metadata ?? {}).map(([entry, equals]) => ({ metadata: { path: [entry], equals } })),
  ]
}

/** Prisma makes a pattern of the text, in which `%`, `_` and `\` would mean something. */
function partOf(text: string) {
  return { contains: text.replace(/[\\%_]/g, '\\$&'), mode: 'insensitive' as const }
}
