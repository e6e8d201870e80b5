// The dialog before deliveries that wait are attempted now: how many, what it means, and the speed.

import { Link, useNavigate } from '@tanstack/react-router'
import { RotateCw } from 'lucide-react'
import { useState } from 'react'
import { graphql } from '../../api/client.ts'
import { issueAt, useAction } from '../../lib/actions.ts'
import { formatCapped, formatClock, formatSpan } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Facts } from '../../ui/page.tsx'
import { Notice } from '../../ui/states.tsx'
import { SpeedField } from '../dead-letters/speed-field.tsx'
import { alwaysFails, causeOf, type Incident } from './incident.ts'

const RETRY_WAITING = graphql(`
  mutation RetryWaiting($filter: DeliveryFilter!, $maxPerSecond: Int) {
    retryWaiting(filter: $filter, maxPerSecond: $maxPerSecond) {
      ... on RetryWaitingSuccess {
        bulkRetry {
          id
        }
      }
      ...Refusal
    }
  }
`)

const CALM = 10

export function RetryWaitingDialog({ incident, onClose }: { incident: Incident; onClose(): void }) {
  const { endpoint, errorCode, statusCode, waiting } = incident
  const [maxPerSecond, setMaxPerSecond] = useState<number | null>(CALM)
  const retry = useAction(RETRY_WAITING, (reply) => reply.retryWaiting)
  const navigate = useNavigate()
  const run = async () => {
    const filter = {
      tenantId: endpoint.tenantId,
      endpointIds: [endpoint.id],
      errorCodes: [errorCode],
      ...(statusCode ? { statusCodes: [statusCode] } : {}),
    }
    const done = await retry.run({ filter, maxPerSecond })
    if (!done) return
    onClose()
    void navigate({ to: '/bulk-retries/$bulkRetryId', params: { bulkRetryId: done.bulkRetry.id } })
  }
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`Retry now what waits for ${endpoint.name}`}
      description="Each makes its next attempt now instead of later, the oldest first. If it fails, the schedule continues, with one attempt fewer."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            icon={<RotateCw size={14} aria-hidden />}
            isBusy={retry.isBusy}
            onClick={() => void run()}
          >
            Retry {formatCapped(waiting)}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        {alwaysFails(incident) && (
          <Notice>
            Every attempt has failed since {formatClock(incident.since)}. Until one succeeds, the receiver gets one
            attempt every few seconds, whatever the speed. Does it work again?{' '}
            <Link
              to="/endpoints/$endpointId"
              params={{ endpointId: endpoint.id }}
              search={{ tab: 'test' }}
              className="font-medium underline"
            >
              Send a test first
            </Link>
            .
          </Notice>
        )}
        <Facts
          facts={[
            ['How many', <strong key="count">{formatCapped(waiting)}</strong>],
            ['Failed with', causeOf(incident)],
            [
              'Takes about',
              maxPerSecond === null
                ? 'as long as the receiver needs'
                : formatSpan((waiting.count / maxPerSecond) * 1_000),
            ],
          ]}
        />
        <SpeedField
          value={maxPerSecond}
          onChange={(speed) => {
            setMaxPerSecond(speed)
            retry.forget()
          }}
          error={issueAt(retry.refusal, 'maxPerSecond')}
          hint="A server that has just come back is easily overloaded. You can change the speed and pause while it runs."
        />
      </div>
    </Dialog>
  )
}
