// A record as a system writes it, beside the field case that tells of the same event. The values are those of the cases; the shapes
// are the ones that the systems' documents and public code show.

import type { FieldCase } from '../../field-cases/publish.ts'

export type AdapterRecord = {
  readonly adapter: string
  readonly record: unknown
  readonly options?: object
  /** The number of the field case; the event it tells of has the case's type. */
  readonly fieldCase?: string
  /** By dotted path: where the adapter says something else than the careful form, and what; undefined: it says nothing. */
  readonly differs?: Readonly<Record<string, unknown>>
  /** The types of the events that the record becomes. */
  readonly types: readonly FieldCase['event_type'][]
}
