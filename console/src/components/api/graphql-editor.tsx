import { LanguageSupport } from '@codemirror/language'
import { styleTags, tags } from '@lezer/highlight'
import { completion, graphqlLanguage, jump, lint, stateExtensions } from 'cm6-graphql'
import type { GraphQLSchema } from 'graphql'
import { useMemo } from 'react'
import { CodeEditor } from '../../ui/code-editor.tsx'

const KEYWORDS =
  'scalar type interface union enum input implements fragment extend schema directive on repeatable'.split(' ')

/** The editor's grammar treats these words only as keywords. As fields or arguments they are ordinary names. */
const language = graphqlLanguage.configure({
  props: [
    styleTags(
      Object.fromEntries(
        KEYWORDS.flatMap((word) => [
          [`SelectionSet/⚠/${word}`, tags.propertyName],
          [`FieldName/⚠/${word}`, tags.propertyName],
          [`Arguments/⚠/${word}`, tags.attributeName],
          [`ArgumentAttributeName/⚠/${word}`, tags.attributeName],
        ]),
      ),
    ),
  ],
})

type EditorProps = {
  value: string
  onChange(value: string): void
  schema: GraphQLSchema | null
  onSubmit(): void
  className?: string
}

/** GraphQL with completion and checks, as soon as the schema is loaded. */
export function GraphqlEditor({ schema, ...rest }: EditorProps) {
  const extensions = useMemo(
    () => [new LanguageSupport(language), completion, lint, jump, stateExtensions(schema ?? undefined)],
    [schema],
  )
  return <CodeEditor {...rest} label="GraphQL document" extensions={extensions} />
}
