import { type ErrorComponentProps, Link, type LinkProps } from '@tanstack/react-router'
import { asFault } from '../../api/faults.ts'
import { buttonClass } from '../../ui/button.tsx'
import { Page } from '../../ui/page.tsx'
import { Failed } from '../../ui/states.tsx'

/** Shown in place of a page or panel that fails. It is tried again when the connection is live again. */
export function PageFailed({ error, reset }: ErrorComponentProps) {
  return <Failed fault={asFault(error)} onRetry={reset} />
}

export function PageNotFound() {
  return <NoSuch what="page" lead="The address may be mistyped, or from another version." to="/" place="overview" />
}

type NoSuchProps = {
  readonly what: string
  readonly lead?: string
  /** Where the way goes on, and its name. */
  readonly to: LinkProps['to']
  readonly place: string
}

/** Shown in place of a page whose address names nothing that this person can see. */
export function NoSuch({
  what,
  lead = 'It may belong to another tenant, or the id is mistyped.',
  to,
  place,
}: NoSuchProps) {
  return (
    <Page title={`There is no such ${what}`} lead={lead}>
      <Link to={to} className={buttonClass()}>
        Go to the {place}
      </Link>
    </Page>
  )
}
