// Why an event was sent to an endpoint, was not sent, or waits: the endpoints of the tenant, each with its explanation.

import { ChevronDown, ChevronRight } from 'lucide-react'
import { useState } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import { formatCount } from '../../lib/format.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Failed, LoadingRows } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { useEndpointChoices } from '../filters/choices.ts'

const EXPLAIN = graphql(`
  query Explanation($eventId: ID!, $endpointId: ID!) {
    explainDelivery(eventId: $eventId, endpointId: $endpointId) {
      reason
      message
      nextAttemptAt
      ahead {
        count
        precision
      }
      evaluated {
        path
        values
      }
      delivery {
        id
        status
      }
    }
  }
`)

type ExplainDialogProps = {
  eventId: string
  tenantId: string
  /** The endpoint whose explanation is open at first. */
  endpoint?: { readonly id: string; readonly name: string }
  onClose(): void
}

export function ExplainDialog({ eventId, tenantId, endpoint, onClose }: ExplainDialogProps) {
  const choices = useEndpointChoices(tenantId)
  const [openId, setOpenId] = useState<string | null>(endpoint?.id ?? null)
  const isListed = !endpoint || choices.some(({ value }) => value === endpoint.id)
  const endpoints = isListed ? choices : [{ value: endpoint.id, label: endpoint.name }, ...choices]
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Why was this sent, or not?"
      description="Events are matched with endpoints once, when they are accepted. Choose an endpoint."
    >
      {endpoints.length === 0 ? (
        <p className="pb-4 text-ink-2">There is no endpoint.</p>
      ) : (
        <ul className="flex flex-col gap-1 pb-4">
          {endpoints.map(({ value, label }) => (
            <li key={value} className="rounded-md border border-line">
              <button
                type="button"
                aria-expanded={openId === value}
                onClick={() => setOpenId(openId === value ? null : value)}
                className="flex w-full items-center gap-2 rounded-md px-3 py-2 text-left hover:bg-hover"
              >
                {openId === value ? <ChevronDown size={14} aria-hidden /> : <ChevronRight size={14} aria-hidden />}
                <span className="truncate font-medium">{label}</span>
              </button>
              {openId === value && <Explanation eventId={eventId} endpointId={value} />}
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  )
}

function Explanation({ eventId, endpointId }: { eventId: string; endpointId: string }) {
  const { data, fault, refetch } = useApiQuery(EXPLAIN, { eventId, endpointId })
  if (fault) return <Failed fault={fault} onRetry={refetch} isSmall />
  if (!data) return <LoadingRows rows={2} />
  const found = data.explainDelivery
  if (!found) return <p className="px-3 pb-3 text-ink-2">The event or the endpoint is not known any more.</p>
  return (
    <div className="flex flex-col gap-2 px-3 pb-3 [overflow-wrap:anywhere]">
      <p>{found.message}</p>
      {found.evaluated.length > 0 && (
        <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-1 font-mono text-xs">
          {found.evaluated.map(({ path, values }) => (
            <div key={path} className="contents">
              <dt className="text-ink-2">{path}</dt>
              <dd>{values.length === 0 ? 'absent' : values.join(', ')}</dd>
            </div>
          ))}
        </dl>
      )}
      <p className="text-ink-2">
        <span className="font-mono text-xs">{found.reason}</span>
        {found.ahead && found.ahead.count > 0 && <> · {formatCount(found.ahead.count)} before it</>}
        {found.nextAttemptAt && (
          <>
            {' '}
            · next attempt <Time at={found.nextAttemptAt} />
          </>
        )}
      </p>
    </div>
  )
}
