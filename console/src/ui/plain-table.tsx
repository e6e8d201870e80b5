import type { ReactNode } from 'react'

type PlainTableProps = {
  /** For screen readers; not visible. */
  caption: string
  /** The headers. The last one may be empty if its column holds actions. */
  headers: readonly string[]
  /** The rows of the body. */
  children: ReactNode
}

/** A short table that is rendered whole. Use DataTable for long ones. On a phone each row is a list of names and values. */
export function PlainTable({ caption, headers, children }: PlainTableProps) {
  return (
    <table
      className="plain-table relative w-full border-separate border-spacing-0"
      style={Object.fromEntries(headers.map((header, index) => [`--header-${index + 1}`, `"${header}"`]))}
    >
      <caption className="sr-only">{caption}</caption>
      <thead>
        <tr>
          {headers.map((header) => (
            <th
              key={header}
              scope="col"
              className="relative h-9 border-b border-line px-3 text-left text-xs font-medium text-ink-3"
            >
              {header || <span className="sr-only">Actions</span>}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  )
}
