import { type JsonSchema, listFields } from '../../lib/json-schema.ts'
import { PlainTable } from '../../ui/plain-table.tsx'

/** Every field of a schema with its type, its values and its meaning. */
export function SchemaTable({ schema, label }: { schema: JsonSchema; label: string }) {
  const fields = listFields(schema)
  return (
    <div className="overflow-x-auto rounded-md border border-line">
      <PlainTable caption={label} headers={['Field', 'Type', 'Meaning']}>
        {fields.map(({ path, depth, kind, isRequired, choices, known, description }) => (
          <tr key={path} className="align-top">
            <th scope="row" className="border-b border-line px-3 py-1.5 text-left font-normal">
              <span className="font-mono text-xs whitespace-nowrap" style={{ paddingLeft: depth * 16 }} title={path}>
                {path.split('.').at(-1)}
              </span>
              {!isRequired && <span className="ml-2 text-xs text-ink-3">optional</span>}
            </th>
            <td className="border-b border-line px-3 py-1.5 text-ink-2">{kind}</td>
            <td className="border-b border-line px-3 py-1.5">
              {description}
              <Words words={choices} />
              <Words words={known} areOpen />
            </td>
          </tr>
        ))}
      </PlainTable>
    </div>
  )
}

/** The values of a field. An open list says that others may come. */
function Words({ words, areOpen = false }: { words: readonly string[]; areOpen?: boolean }) {
  if (words.length === 0) return null
  return (
    <span className="block text-ink-2">
      {words.map((word, index) => (
        <span key={word}>
          {index > 0 && ' · '}
          <code className="font-mono text-xs">{word}</code>
        </span>
      ))}
      {areOpen && <span className="text-ink-3"> · or another word</span>}
    </span>
  )
}
