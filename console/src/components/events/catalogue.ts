import { graphql, useApiQuery } from '../../api/client.ts'
import type { CatalogueTypeFragment } from '../../gql/graphql.ts'
import type { JsonSchema } from '../../lib/json-schema.ts'

graphql(`
  fragment CatalogueType on EventType {
    name
    group
    description
    apiVersion
    jsonSchema
    example
  }
`)

const CATALOGUE = graphql(`
  query Catalogue {
    eventTypes {
      ...CatalogueType
    }
  }
`)

export type CatalogueType = CatalogueTypeFragment

/** A whole envelope, as a receiver gets it. */
export type Envelope = {
  readonly id: string
  readonly type: string
  readonly timestamp: string
  readonly subject: string | null
  readonly sequence: number | null
  readonly data: Readonly<Record<string, unknown>>
}

/** Every event type with its schema and example. Read once, because it changes only with the version of the gateway. */
export function useCatalogue() {
  const { data, fault, refetch } = useApiQuery(CATALOGUE, {})
  return { types: data?.eventTypes, fault, refetch }
}

export function schemaOf({ jsonSchema }: Pick<CatalogueType, 'jsonSchema'>): JsonSchema {
  return jsonSchema as JsonSchema
}

export function exampleOf({ example }: Pick<CatalogueType, 'example'>): Envelope {
  return example as Envelope
}
