import type { ReactNode } from 'react'

type PlainTableProps = {
  /** Read out, not shown. */
  caption: string
  /** The last one may be empty: it stands above what can be done with a row. */
  headers: readonly string[]
  /** Rows of the body. */
  children: ReactNode
}

/** A short table that is shown as a whole; long ones are a DataTable. */
export function PlainTable({ caption, headers, children }: PlainTableProps) {
  return (
    <table className="w-full border-separate border-spacing-0">
      <caption className="sr-only">{caption}</caption>
      <thead>
        <tr>
          {headers.map((header) => (
            <th
              key={header}
              scope="col"
              className="h-9 border-b border-line px-3 text-left text-xs font-medium text-ink-3"
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
