import { buildClientSchema, type GraphQLSchema, getIntrospectionQuery, type IntrospectionQuery } from 'graphql'
import { useEffect, useState } from 'react'
import { asFault, type Fault } from '../../api/faults.ts'
import { sendDocument } from '../../api/graphql-request.ts'

let reading: Promise<GraphQLSchema> | null = null

/** The schema, from introspection of the API. It is read once. */
export function useApiSchema(): { schema: GraphQLSchema | null; fault: Fault | null; retry: () => void } {
  const [schema, setSchema] = useState<GraphQLSchema | null>(null)
  const [fault, setFault] = useState<Fault | null>(null)
  const [tries, setTries] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: each retry reads again
  useEffect(() => {
    let isOver = false
    reading ??= readSchema()
    reading.then(
      (read) => !isOver && setSchema(read),
      (error) => {
        reading = null
        if (!isOver) setFault(asFault(error))
      },
    )
    return () => {
      isOver = true
    }
  }, [tries])
  return {
    schema,
    fault,
    retry: () => {
      setFault(null)
      setTries((count) => count + 1)
    },
  }
}

async function readSchema(): Promise<GraphQLSchema> {
  const { body } = await sendDocument({ query: getIntrospectionQuery() })
  const { data } = body as { data?: IntrospectionQuery }
  if (!data) throw new Error('Expected the schema, got an answer without data. Try again.')
  return buildClientSchema(data)
}
