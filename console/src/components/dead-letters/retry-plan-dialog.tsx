// The dialog before a bulk retry: how many dead letters, the oldest, their endpoints, and the speed. Nothing happens before it is confirmed.

import { useNavigate } from '@tanstack/react-router'
import { RotateCw } from 'lucide-react'
import { useState } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import type { DeliveryFilter } from '../../gql/graphql.ts'
import { issueAt, useAction } from '../../lib/actions.ts'
import { formatCapped, formatCount, formatSpan } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Facts } from '../../ui/page.tsx'
import { Failed, LoadingRows, Notice } from '../../ui/states.tsx'
import { Ago, Time } from '../../ui/time.tsx'
import { SpeedField } from './speed-field.tsx'

const PLAN = graphql(`
  query RetryPlan($filter: DeliveryFilter!) {
    retryPlan(filter: $filter) {
      oldestAt
      count {
        count
        precision
      }
      endpoints {
        id
        name
        url
        status
      }
    }
  }
`)

const RETRY = graphql(`
  mutation RetryDeadLetters($filter: DeliveryFilter!, $maxPerSecond: Int) {
    retryDeadLetters(filter: $filter, maxPerSecond: $maxPerSecond) {
      ... on RetryDeadLettersSuccess {
        bulkRetry {
          id
        }
      }
      ...Refusal
    }
  }
`)

const CALM = 10

export function RetryPlanDialog({ filter, onClose }: { filter: DeliveryFilter; onClose(): void }) {
  const { data, fault, refetch, isLoading } = useApiQuery(PLAN, { filter })
  const [maxPerSecond, setMaxPerSecond] = useState<number | null>(CALM)
  const retry = useAction(RETRY, (reply) => reply.retryDeadLetters)
  const navigate = useNavigate()
  const plan = data?.retryPlan
  const run = async () => {
    const done = await retry.run({ filter, maxPerSecond })
    if (!done) return
    onClose()
    void navigate({ to: '/bulk-retries/$bulkRetryId', params: { bulkRetryId: done.bulkRetry.id } })
  }
  const count = plan?.count.count ?? 0
  const resting = plan?.endpoints.filter(({ status }) => status !== 'ACTIVE') ?? []
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Retry dead letters"
      description="Each starts a new cycle of the whole schedule, with the same event id. The receiver may see it twice."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            icon={<RotateCw size={14} aria-hidden />}
            disabled={!plan || count === 0 || isLoading}
            isBusy={retry.isBusy}
            onClick={() => void run()}
          >
            {plan ? `Retry ${formatCapped(plan.count)}` : 'Retry'}
          </Button>
        </>
      }
    >
      {fault && !plan ? (
        <Failed fault={fault} onRetry={refetch} isSmall />
      ) : !plan ? (
        <LoadingRows rows={4} />
      ) : count === 0 ? (
        <p className="py-4">Nothing fits any more: somebody may have retried it meanwhile.</p>
      ) : (
        <div className="flex flex-col gap-4">
          <Facts
            facts={[
              ['How many', <strong key="count">{formatCapped(plan.count)}</strong>],
              [
                'Oldest',
                plan.oldestAt && (
                  <span key="oldest">
                    <Ago at={plan.oldestAt} />, <Time at={plan.oldestAt} />
                  </span>
                ),
              ],
              [
                plan.endpoints.length === 1 ? 'Endpoint' : 'Endpoints',
                <ul key="endpoints" className="max-h-40 overflow-y-auto">
                  {plan.endpoints.map(({ id, name, url }) => (
                    <li key={id}>
                      {name} <span className="font-mono text-xs text-ink-3">{url}</span>
                    </li>
                  ))}
                </ul>,
              ],
              [
                'Takes about',
                maxPerSecond === null
                  ? 'as long as the receivers need'
                  : `${formatSpan((count / maxPerSecond) * 1_000)}${plan.count.precision === 'EXACT' ? '' : ' or longer'}`,
              ],
            ]}
          />
          {resting.length > 0 && (
            <Notice>
              {resting.map(({ name, status }) => `${name} is ${status.toLowerCase()}`).join(', ')}: what is retried
              there is held until it is resumed.
            </Notice>
          )}
          <SpeedField
            value={maxPerSecond}
            onChange={(speed) => {
              setMaxPerSecond(speed)
              retry.forget()
            }}
            error={issueAt(retry.refusal, 'maxPerSecond')}
            hint={`A server that has just come back is easily knocked over again. It can be changed while it runs; ${formatCount(CALM)} each second is gentle.`}
          />
        </div>
      )}
    </Dialog>
  )
}
