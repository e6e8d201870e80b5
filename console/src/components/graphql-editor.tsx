import { graphql } from 'cm6-graphql'
import type { GraphQLSchema } from 'graphql'
import { useMemo } from 'react'
import { CodeEditor } from '../ui/code-editor.tsx'

type EditorProps = {
  value: string
  onChange(value: string): void
  schema: GraphQLSchema | null
  onSubmit(): void
  className?: string
}

/** GraphQL with completion and checks by the schema, once it is there. */
export function GraphqlEditor({ schema, ...rest }: EditorProps) {
  const extensions = useMemo(() => graphql(schema ?? undefined), [schema])
  return <CodeEditor {...rest} label="GraphQL document" extensions={extensions} />
}
