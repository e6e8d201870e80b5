import { getRouteApi, Link } from '@tanstack/react-router'
import { ArrowLeft, Pause, Play, X } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { graphql, useApiQuery } from '../api/client.ts'
import { useDeliveryFeed } from '../api/live.ts'
import { useLiveBulkRetry } from '../components/dead-letters/bulk-retry-live.ts'
import {
  type BulkRetry,
  BulkRetryBadge,
  BulkRetryBar,
  isSomeLeft,
  isUnderWay,
  leftOf,
  totalOf,
  verbOf,
} from '../components/dead-letters/bulk-retry-state.tsx'
import { SpeedField } from '../components/dead-letters/speed-field.tsx'
import { DELIVERY_COLUMNS } from '../components/deliveries/delivery-columns.tsx'
import { useEndpointChoices } from '../components/filters/choices.ts'
import { NewRowsLine } from '../components/filters/feed-notices.tsx'
import type { Choice } from '../components/filters/filter-menu.tsx'
import { NoSuch } from '../components/shell/page-failed.tsx'
import { useAction } from '../lib/actions.ts'
import { formatCapped, formatCount, formatSpan } from '../lib/format.ts'
import { shortHttpCodes } from '../lib/http-codes.ts'
import { useOpenDelivery, useOpenDeliveryId } from '../lib/open-delivery.ts'
import { compact, type DeliverySearch } from '../lib/search.ts'
import { describeErrorCode } from '../lib/words.ts'
import { useRights } from '../session/session.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Card, Facts, Page } from '../ui/page.tsx'
import { Failed, LoadingRows, Notice } from '../ui/states.tsx'
import { Time, useNow } from '../ui/time.tsx'

const PAGE = graphql(`
  query BulkRetryPage($id: ID!) {
    node(id: $id) {
      id
      ... on BulkRetry {
        ...BulkRetryState
      }
    }
  }
`)

const PAUSE = graphql(`
  mutation PauseBulkRetry($id: ID!) {
    pauseBulkRetry(id: $id) {
      ... on PauseBulkRetrySuccess {
        bulkRetry {
          ...BulkRetryState
        }
      }
      ...Refusal
    }
  }
`)

const RESUME = graphql(`
  mutation ResumeBulkRetry($id: ID!) {
    resumeBulkRetry(id: $id) {
      ... on ResumeBulkRetrySuccess {
        bulkRetry {
          ...BulkRetryState
        }
      }
      ...Refusal
    }
  }
`)

const CANCEL = graphql(`
  mutation CancelBulkRetry($id: ID!) {
    cancelBulkRetry(id: $id) {
      ... on CancelBulkRetrySuccess {
        bulkRetry {
          ...BulkRetryState
        }
      }
      ...Refusal
    }
  }
`)

const CHANGE_SPEED = graphql(`
  mutation UpdateBulkRetry($id: ID!, $maxPerSecond: Int) {
    updateBulkRetry(id: $id, maxPerSecond: $maxPerSecond) {
      ... on UpdateBulkRetrySuccess {
        bulkRetry {
          ...BulkRetryState
        }
      }
      ...Refusal
    }
  }
`)

const route = getRouteApi('/bulk-retries/$bulkRetryId')

/** The progress of a bulk retry. */
export function BulkRetryPage() {
  const { bulkRetryId } = route.useParams()
  const { data, fault, refetch } = useApiQuery(PAGE, { id: bulkRetryId })
  const read = data?.node && 'total' in data.node ? data.node : null
  const [bulkRetry, put] = useLiveBulkRetry(read, refetch)

  if (fault && !data) return <Failed fault={fault} onRetry={refetch} />
  if (!data) return <LoadingRows />
  if (!bulkRetry) return <NoSuch what="bulk retry" to="/dead-letters" place="dead letters" />
  return <Draining bulkRetry={bulkRetry} put={put} />
}

function Draining({ bulkRetry, put }: { bulkRetry: BulkRetry; put(bulkRetry: BulkRetry): void }) {
  const { mayChange } = useRights()
  const { id, status, total, retried, succeeded, deadLettered, maxPerSecond, createdBy } = bulkRetry
  const left = leftOf(bulkRetry)
  const endpoints = useEndpointChoices(useTenantId())
  const samples = useSamples(left.count, isUnderWay(bulkRetry))
  const elsewhere = status === 'COMPLETED' ? total - retried : 0
  return (
    <Page
      title={
        <span className="flex items-center gap-x-3 gap-y-1 max-sm:flex-wrap">
          {bulkRetry.replay ? 'Replay' : 'Bulk retry'} of {formatCapped(totalOf(bulkRetry))} {whatOf(bulkRetry)}{' '}
          <BulkRetryBadge status={status} />
        </span>
      }
      lead={`Asked for by ${createdBy}.`}
      actions={
        <>
          <WayBack bulkRetry={bulkRetry} />
          {mayChange && <Controls bulkRetry={bulkRetry} put={put} />}
        </>
      }
    >
      <div className="grid max-w-6xl items-start gap-4 xl:grid-cols-[minmax(0,1fr)_320px]">
        <Card>
          <div className="flex flex-col gap-6 p-6">
            <div className="flex flex-wrap items-end gap-x-10 gap-y-4">
              <Figure label={`Still to be ${verbOf(bulkRetry)}`} value={formatCapped(left)} isLarge />
              <Figure label="Delivered" value={formatCount(succeeded)} tone="text-good" />
              <Figure
                label="Dead letters again"
                value={formatCount(deadLettered)}
                tone={deadLettered > 0 ? 'text-bad' : ''}
              />
              <Figure label="On their way" value={formatCount(Math.max(0, retried - succeeded - deadLettered))} />
            </div>
            <BulkRetryBar bulkRetry={bulkRetry} isLarge />
            <DrainLine samples={samples} total={total} verb={verbOf(bulkRetry)} />
            {status === 'RUNNING' && !isSomeLeft(bulkRetry) && (
              <p className="text-ink-2">All are {verbOf(bulkRetry)}. It is complete once each has come to its end.</p>
            )}
            {elsewhere > 0 && (
              <p className="text-ink-2">
                {formatCount(elsewhere)} were skipped: they were attempted or retried before their turn came.
              </p>
            )}
            {deadLettered > 0 && deadLettered >= Math.max(5, succeeded) && isUnderWay(bulkRetry) && (
              <Notice tone="bad">
                Most of what was retried fails again. {isSomeLeft(bulkRetry) ? 'Pause it, and look' : 'Look'} at one of
                the new dead letters first.
              </Notice>
            )}
          </div>
        </Card>
        <div className="flex flex-col gap-4">
          {mayChange && isSomeLeft(bulkRetry) && isUnderWay(bulkRetry) && (
            <Card title="Speed">
              <div className="p-4">
                <Speed key={maxPerSecond} id={id} maxPerSecond={maxPerSecond ?? null} put={put} />
              </div>
            </Card>
          )}
          <Card title="Facts">
            <div className="p-4">
              <Facts
                facts={[
                  [
                    'Id',
                    <span key="id" className="font-mono text-xs">
                      {id}
                    </span>,
                  ],
                  ...filterFacts(bulkRetry, endpoints),
                  ['Asked for', <Time key="created" at={bulkRetry.createdAt} />],
                  ['By', createdBy],
                  ['Ended', bulkRetry.completedAt && <Time key="completed" at={bulkRetry.completedAt} />],
                  ['Speed', maxPerSecond ? `${formatCount(maxPerSecond)} each second` : 'as fast as it can'],
                  [
                    'Left',
                    status === 'RUNNING' && left.count > 0 && maxPerSecond
                      ? `${left.precision === 'EXACT' ? 'about' : 'at least'} ${formatSpan((left.count / maxPerSecond) * 1_000)}`
                      : null,
                  ],
                ]}
              />
            </div>
          </Card>
        </div>
      </div>
      <Deliveries bulkRetry={bulkRetry} />
    </Page>
  )
}

const SHOWN_COLUMNS = DELIVERY_COLUMNS.filter(({ id }) => id !== 'latency' && id !== 'call')

/** The deliveries of its endpoints, types and time that were attempted more than once, because a filter by failure no longer finds them. */
function Deliveries({ bulkRetry: { kind, filter } }: { bulkRetry: BulkRetry }) {
  const tenantId = useTenantId()
  const { endpointIds, eventTypes, subject, from, to } = filter as Filter
  const search = compact({ endpointIds, eventTypes, subject, from, to, retried: kind === 'REPLAY' ? undefined : true })
  const feed = useDeliveryFeed({ tenantId, ...search })
  const openId = useOpenDeliveryId()
  const open = useOpenDelivery()
  if (kind === 'REPLAY') return null
  return (
    <section aria-label="Its deliveries" className="mt-4 flex max-w-6xl flex-col">
      <div className="flex flex-wrap items-baseline gap-x-4 pb-1">
        <h2 className="font-semibold">Its deliveries</h2>
        <p className="min-w-0 flex-1 text-ink-2">
          Those of the same endpoints, types and time that were attempted more than once.
        </p>
        <Link to="/deliveries" search={search} className="text-link hover:underline">
          Open in Deliveries
        </Link>
      </div>
      <NewRowsLine feed={feed} />
      {feed.phase === 'failed' && feed.fault ? (
        <Failed fault={feed.fault} onRetry={feed.retry} isSmall />
      ) : (
        <DataTable
          label="Its deliveries"
          className="max-h-120"
          columns={SHOWN_COLUMNS}
          rows={feed.rows}
          openId={openId}
          onOpen={({ id }) => open(id)}
          hasMore={feed.hasMore}
          isLoadingMore={feed.isLoadingMore}
          onMore={feed.loadMore}
        />
      )}
    </section>
  )
}

function WayBack({ bulkRetry: { kind, replay } }: { bulkRetry: BulkRetry }) {
  if (replay)
    return (
      <Link to="/endpoints/$endpointId" params={{ endpointId: replay.endpoint.id }} className={buttonClass()}>
        <ArrowLeft size={14} aria-hidden />
        {replay.endpoint.name}
      </Link>
    )
  return (
    <Link to={kind === 'WAITING' ? '/' : '/dead-letters'} className={buttonClass()}>
      <ArrowLeft size={14} aria-hidden />
      {kind === 'WAITING' ? 'Overview' : 'Dead letters'}
    </Link>
  )
}

type Filter = Omit<DeliverySearch, 'statusCodes'> & { readonly statusCodes?: readonly number[] }

/** What the filter of a bulk retry asks for, in words. */
function filterFacts({ filter, replay }: BulkRetry, endpoints: readonly Choice[]): (readonly [string, ReactNode])[] {
  const {
    endpointIds = replay ? [replay.endpoint.id] : undefined,
    eventTypes,
    errorCodes,
    statusCodes,
    subject,
    from,
    to,
  } = filter as Filter
  const nameOf = (id: string) => endpoints.find(({ value }) => value === id)?.label ?? id
  return [
    [
      endpointIds?.length === 1 ? 'Endpoint' : 'Endpoints',
      endpointIds ? (
        <span key="endpoints" className="flex flex-wrap gap-x-2">
          {endpointIds.map((id) => (
            <Link
              key={id}
              to="/endpoints/$endpointId"
              params={{ endpointId: id }}
              className="text-link hover:underline"
            >
              {nameOf(id)}
            </Link>
          ))}
        </span>
      ) : (
        'all'
      ),
    ],
    ['Types', eventTypes?.join(', ')],
    ['Failure', errorCodes?.map(describeErrorCode).join(', ')],
    ['HTTP', statusCodes && shortHttpCodes(statusCodes)],
    ['Call', subject],
    ['Created from', from && <Time key="from" at={from} />],
    ['Created until', to && <Time key="to" at={to} />],
    ['What was delivered', replay && (replay.includeDelivered ? 'is sent again' : 'is left out')],
    ['What the filter does not match', replay && (replay.includeUnmatched ? 'is sent' : 'is left out')],
  ]
}

function whatOf({ kind, total }: BulkRetry): string {
  if (kind === 'REPLAY') return total === 1 ? 'event' : 'events'
  if (kind === 'WAITING') return total === 1 ? 'waiting delivery' : 'waiting deliveries'
  return total === 1 ? 'dead letter' : 'dead letters'
}

function Controls({ bulkRetry, put }: { bulkRetry: BulkRetry; put(bulkRetry: BulkRetry): void }) {
  const { id, kind, status } = bulkRetry
  const pause = useAction(PAUSE, (data) => data.pauseBulkRetry)
  const resume = useAction(RESUME, (data) => data.resumeBulkRetry)
  const cancel = useAction(CANCEL, (data) => data.cancelBulkRetry)
  const [isAsking, setAsking] = useState(false)
  // Dead letters that were already retried cannot be stopped.
  if (!isUnderWay(bulkRetry) || !isSomeLeft(bulkRetry)) return null
  const left = formatCapped(leftOf(bulkRetry))
  const take = (done: { bulkRetry: BulkRetry } | null) => {
    if (done) put(done.bulkRetry)
  }
  return (
    <>
      {status === 'RUNNING' ? (
        <Button
          icon={<Pause size={14} aria-hidden />}
          isBusy={pause.isBusy}
          onClick={async () => take(await pause.run({ id }))}
        >
          Pause
        </Button>
      ) : (
        <Button
          kind="primary"
          icon={<Play size={14} aria-hidden />}
          isBusy={resume.isBusy}
          onClick={async () => take(await resume.run({ id }))}
        >
          Resume
        </Button>
      )}
      <Button kind="danger" icon={<X size={14} aria-hidden />} onClick={() => setAsking(true)}>
        Cancel
      </Button>
      <ConfirmDialog
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        title={kind === 'REPLAY' ? 'Cancel this replay?' : 'Cancel this bulk retry?'}
        description={
          kind === 'WAITING'
            ? `${left} wait for their next attempt by the schedule. What was retried already continues.`
            : kind === 'REPLAY'
              ? `${left} are not sent. What was replayed already continues.`
              : `${left} stay dead letters. What was retried already continues.`
        }
        action="Cancel it"
        isDangerous
        isBusy={cancel.isBusy}
        onConfirm={async () => {
          take(await cancel.run({ id }))
          setAsking(false)
        }}
      />
    </>
  )
}

type SpeedProps = { id: string; maxPerSecond: number | null; put(bulkRetry: BulkRetry): void }

function Speed({ id, maxPerSecond, put }: SpeedProps) {
  const change = useAction(CHANGE_SPEED, (data) => data.updateBulkRetry)
  return (
    <SpeedField
      value={maxPerSecond}
      hint="Applies immediately."
      onChange={async (next) => {
        const done = await change.run({ id, maxPerSecond: next })
        if (done) put(done.bulkRetry)
      }}
    />
  )
}

type FigureProps = { label: string; value: string; tone?: string; isLarge?: boolean }

function Figure({ label, value, tone = '', isLarge = false }: FigureProps) {
  return (
    <div>
      <p className="text-ink-3">{label}</p>
      <p className={`font-semibold tabular-nums ${isLarge ? 'text-5xl leading-14' : 'text-2xl leading-9'} ${tone}`}>
        {value}
      </p>
    </div>
  )
}

type Sample = { at: number; left: number }
const MOST_SAMPLES = 240

/** The number that was left, for each second since the page was opened. */
function useSamples(left: number, isOn: boolean): readonly Sample[] {
  const now = useNow(1_000)
  const [samples, setSamples] = useState<readonly Sample[]>([])
  // biome-ignore lint/correctness/useExhaustiveDependencies: one sample for each second
  useEffect(() => {
    if (isOn || samples.length === 0) setSamples((before) => [...before.slice(-MOST_SAMPLES), { at: now, left }])
  }, [now])
  return samples
}

/** A chart of the numbers that were left. */
function DrainLine({ samples, total, verb }: { samples: readonly Sample[]; total: number; verb: string }) {
  const first = samples[0]
  const last = samples.at(-1)
  if (!first || !last || samples.length < 3) return null
  const span = Math.max(1, last.at - first.at)
  const x = (at: number) => ((at - first.at) / span) * 100
  const y = (left: number) => 2 + (1 - left / Math.max(1, total)) * 76
  const line = samples.map(({ at, left }) => `${x(at).toFixed(2)},${y(left).toFixed(2)}`).join(' ')
  return (
    <figure>
      <svg viewBox="0 0 100 80" preserveAspectRatio="none" className="h-24 w-full rounded bg-sunken" aria-hidden>
        <polygon points={`0,80 ${line} 100,80`} className="fill-selected" />
        <polyline
          points={line}
          className="fill-none stroke-chart-a"
          strokeWidth={1.5}
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <figcaption className="text-xs text-ink-3">
        Still to be {verb}, the last {formatSpan(span)} of {formatCount(total)}
      </figcaption>
    </figure>
  )
}
