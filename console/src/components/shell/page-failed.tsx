import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import { asFault } from '../../api/faults.ts'
import { buttonClass } from '../../ui/button.tsx'
import { Page } from '../../ui/page.tsx'
import { Failed } from '../../ui/states.tsx'

/** Shown if a page fails or its code cannot be loaded. After an update of the gateway the files have new names. */
export function PageFailed({ error, reset }: ErrorComponentProps) {
  const isStale = /import|module script|chunk/i.test(String(error))
  if (isStale)
    return (
      <Failed
        fault={{
          title: 'This page could not be loaded',
          detail: 'The console was updated, or the connection is down. Load it anew.',
          code: 'CONSOLE',
          requestId: null,
        }}
        onRetry={() => location.reload()}
      />
    )
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
