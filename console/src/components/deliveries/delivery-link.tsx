import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'

/** The text of a row that leads to its delivery: beside the list, or in a tab of its own as every link does. */
export function DeliveryLink({ id, children }: { id: string; children: ReactNode }) {
  return (
    <Link
      to="."
      search={((before: object) => ({ ...before, delivery: id })) as never}
      tabIndex={-1}
      className="truncate font-medium hover:text-link hover:underline"
    >
      {children}
    </Link>
  )
}
