import { type JsonSchema, listFields } from '../../lib/json-schema.ts'
import { PlainTable } from '../../ui/plain-table.tsx'

/** Every field of a schema with its type, its values and its meaning. */
export function SchemaTable({ schema, label }: { schema: JsonSchema; label: string }) {
  const fields = listFields(schema)
  return (
    <div className="overflow-x-auto rounded-md border border-line">
      <PlainTable caption={label} headers={['Field', 'Kind', 'Meaning']}>
        {fields.map(({ path, depth, kind, isRequired, choices, description }) => (
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
              {choices.length > 0 && (
                <span className="block text-ink-2">
                  {choices.map((choice, index) => (
                    <span key={choice}>
                      {index > 0 && ' · '}
                      <code className="font-mono text-xs">{choice}</code>
                    </span>
                  ))}
                </span>
              )}
            </td>
          </tr>
        ))}
      </PlainTable>
    </div>
  )
}
