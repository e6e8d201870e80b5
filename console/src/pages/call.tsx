import { getRouteApi } from '@tanstack/react-router'
import { CallTimeline } from '../components/events/call-timeline.tsx'
import { useOpenDeliveryId } from '../lib/open-delivery.ts'
import { useTenantId } from '../session/tenant.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Card, Page } from '../ui/page.tsx'
import { Empty } from '../ui/states.tsx'

const route = getRouteApi('/call')

/** All events and deliveries of one call, live. */
export function CallPage() {
  const tenantId = useTenantId()
  const { subject } = route.useSearch()
  const openId = useOpenDeliveryId()
  if (subject === '')
    return <Empty title="Which call?">Search for its id, or open it from one of its deliveries.</Empty>
  return (
    <Page
      windowTitle={subject}
      title={
        <span className="flex items-center gap-2">
          Call <span className="truncate font-mono text-base font-normal">{subject}</span>
          <CopyButton text={subject} label="Copy the call’s id" />
        </span>
      }
      lead="Every event that names it as its subject, in order, and what became of it at each endpoint."
    >
      <Card className="max-w-4xl p-4">
        <CallTimeline tenantId={tenantId} subject={subject} openId={openId} />
      </Card>
    </Page>
  )
}
