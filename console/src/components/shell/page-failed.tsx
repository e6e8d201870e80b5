import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import { asFault } from '../../api/faults.ts'
import { buttonClass } from '../../ui/button.tsx'
import { Page } from '../../ui/page.tsx'
import { Failed } from '../../ui/states.tsx'

/** Shown in place of a page or panel that fails. It is tried again when the connection is live again. */
export function PageFailed({ error, reset }: ErrorComponentProps) {
  return <Failed fault={asFault(error)} onRetry={reset} />
}

export function PageNotFound() {
  return (
    <Page title="There is no such page" lead="The address may be mistyped, or from another version.">
      <Link to="/" className={buttonClass()}>
        Go to the overview
      </Link>
    </Page>
  )
}
