import { Link, useNavigate } from '@tanstack/react-router'
import { Building2, Link2, Plus } from 'lucide-react'
import { type FormEvent, useCallback, useEffect, useMemo, useState } from 'react'
import { fetchQuery, graphql, useApiQuery } from '../api/client.ts'
import { asFault, type Fault } from '../api/faults.ts'
import { WaitingCell } from '../components/deliveries/waiting-cell.tsx'
import { Sparkline } from '../components/overview/sparkline.tsx'
import { ConsoleLinkDialog } from '../components/settings/console-link-dialog.tsx'
import type { TenantRowFragment } from '../gql/graphql.ts'
import { issueAt, issuesElsewhere, useAction } from '../lib/actions.ts'
import { formatCount, formatMs, formatRate, formatSpan, isPoor } from '../lib/format.ts'
import { useInterval } from '../lib/use-interval.ts'
import { useRights } from '../session/session.ts'
import { Button } from '../ui/button.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Dialog } from '../ui/dialog.tsx'
import { Field, TextInput } from '../ui/field.tsx'
import { Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows, NoMatch, Notice } from '../ui/states.tsx'
import { Time } from '../ui/time.tsx'
import { toast } from '../ui/toast.tsx'

graphql(`
  fragment TenantRow on Tenant {
    id
    name
    createdAt
    stats(window: LAST_24_HOURS) {
      current {
        attempts
        failedAttempts
        attemptSuccessRate
        succeeded
        deadLettered
        successRate
        p95LatencyMs
      }
      buckets {
        attempts
        failedAttempts
      }
      waiting {
        count {
          count
          precision
        }
        oldestCreatedAt
      }
    }
  }
`)

const PAGE = graphql(`
  query TenantsPage($after: String) {
    tenants(first: 100, after: $after) {
      nodes {
        ...TenantRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

const CREATE = graphql(`
  mutation CreateTenant($input: CreateTenantInput!) {
    createTenant(input: $input) {
      ... on CreateTenantSuccess {
        tenant {
          id
          name
        }
      }
      ...Refusal
    }
  }
`)

export function TenantsPage() {
  const { isOperator } = useRights()
  if (!isOperator)
    return (
      <Empty title="Only operators see every tenant">Your session belongs to one, and shows all that is its.</Empty>
    )
  return <Tenants />
}

const GATEWAY = graphql(`
  query GatewayState {
    gateway {
      replicaLagSeconds
      versions {
        version
        at
      }
    }
  }
`)

/** A replica that is nearer than this is as good as the primary. */
const BEHIND_SECONDS = 1

/** The version that runs, and how far the replica for lists is behind. */
function GatewayState() {
  const { data, refetch } = useApiQuery(GATEWAY, {})
  useInterval(refetch, READ_EVERY_MS)
  const [running] = data?.gateway.versions ?? []
  const lag = data?.gateway.replicaLagSeconds
  return (
    <>
      {running && (
        <>
          The gateway has version {running.version} since <Time at={running.at} />.{' '}
        </>
      )}
      {lag != null &&
        (lag < BEHIND_SECONDS
          ? 'The replica for lists keeps up.'
          : `The replica for lists is ${formatSpan(lag * 1_000)} behind, so the primary answers.`)}
    </>
  )
}

function Tenants() {
  const navigate = useNavigate()
  const { rows, fault, hasMore, isLoading, more, reread } = useTenants()
  const [words, setWords] = useState('')
  const [isCreating, setCreating] = useState(false)
  const [inviting, setInviting] = useState<TenantRowFragment | null>(null)
  const columns = useMemo(() => [...COLUMNS, linkColumn(setInviting)], [])
  const wanted = words.trim().toLowerCase()
  const shown = rows?.filter(({ id, name }) => `${id} ${name}`.toLowerCase().includes(wanted)) ?? []
  const create = (
    <Button kind="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setCreating(true)}>
      New tenant
    </Button>
  )
  return (
    <Page
      isFull
      title="Tenants"
      lead={
        <>
          Each has endpoints, events and deliveries of its own. Open one to see them. What you change there is in its
          audit log. <GatewayState />
        </>
      }
      actions={create}
      toolbar={
        rows &&
        rows.length > 0 && (
          <TextInput
            aria-label="Search tenants"
            placeholder="Name or id"
            className="max-w-72"
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
        )
      }
    >
      {fault && !rows ? (
        <Failed fault={fault} onRetry={reread} />
      ) : !rows ? (
        <LoadingRows />
      ) : rows.length === 0 ? (
        <Empty icon={<Building2 size={28} aria-hidden />} title="No tenants yet" action={create}>
          A tenant has endpoints and events of its own, seen by nobody else.
        </Empty>
      ) : shown.length === 0 ? (
        <NoMatch what="tenants" onClear={() => setWords('')} />
      ) : (
        <DataTable
          label="Tenants"
          columns={columns}
          rows={shown}
          rowHeight={44}
          narrowRowHeight={92}
          onOpen={({ id }) => void navigate({ to: '/', search: { tenant: id } })}
          hasMore={hasMore}
          isLoadingMore={isLoading}
          onMore={more}
        />
      )}
      {isCreating && (
        <NewTenantDialog
          onClose={() => setCreating(false)}
          onDone={() => {
            setCreating(false)
            reread()
          }}
        />
      )}
      {inviting && (
        <ConsoleLinkDialog tenantId={inviting.id} tenantName={inviting.name} onClose={() => setInviting(null)} />
      )}
    </Page>
  )
}

const COLUMNS: readonly Column<TenantRowFragment>[] = [
  {
    id: 'name',
    narrow: 'title',
    header: 'Tenant',
    least: 240,
    cell: ({ id, name }) => (
      <span className="flex flex-col leading-4">
        <Link
          to="/"
          search={{ tenant: id } as never}
          tabIndex={-1}
          className="truncate font-medium hover:text-link hover:underline"
        >
          {name}
        </Link>
        <span className="truncate font-mono text-xs text-ink-2">{id}</span>
      </span>
    ),
  },
  {
    id: 'day',
    rank: 3,
    header: 'Attempts, 24 hours',
    width: 150,
    cell: ({ stats, name }) => stats && <Sparkline buckets={stats.buckets} label={`${name}, last 24 hours`} />,
  },
  {
    id: 'delivered',
    rank: 2,
    header: 'Delivered',
    width: 96,
    align: 'right',
    cell: ({ stats }) => (stats ? formatCount(stats.current.succeeded) : '–'),
  },
  {
    id: 'waiting',
    header: 'Waiting',
    narrow: 'detail',
    narrowLabel: 'Waiting',
    width: 116,
    align: 'right',
    cell: ({ stats }) => (stats ? <WaitingCell {...stats.waiting} /> : '–'),
    narrowCell: ({ stats }) => (stats ? <WaitingCell {...stats.waiting} isInLine /> : '–'),
  },
  {
    id: 'attempts',
    header: 'Attempts OK',
    narrow: 'state',
    narrowLabel: 'Attempts OK',
    width: 112,
    align: 'right',
    cell: ({ stats }) => (
      <span
        className={isPoor(stats?.current.attemptSuccessRate) ? 'font-medium text-bad' : undefined}
        title={
          stats
            ? `${formatCount(stats.current.failedAttempts)} of ${formatCount(stats.current.attempts)} attempts failed`
            : undefined
        }
      >
        {formatRate(stats?.current.attemptSuccessRate)}
      </span>
    ),
  },
  {
    id: 'success',
    rank: 5,
    header: 'Delivered in the end',
    width: 150,
    align: 'right',
    cell: ({ stats }) => (
      <span className={isPoor(stats?.current.successRate) ? 'font-medium text-bad' : undefined}>
        {formatRate(stats?.current.successRate)}
      </span>
    ),
  },
  {
    id: 'p95',
    rank: 4,
    header: 'p95, all',
    width: 80,
    align: 'right',
    cell: ({ stats }) => formatMs(stats?.current.p95LatencyMs),
  },
  {
    id: 'dead',
    header: 'Dead letters',
    width: 104,
    align: 'right',
    cell: ({ stats }) => (
      <span className={stats && stats.current.deadLettered > 0 ? 'font-medium text-bad' : 'text-ink-3'}>
        {stats ? formatCount(stats.current.deadLettered) : '–'}
      </span>
    ),
  },
  {
    id: 'created',
    rank: 6,
    header: 'Created',
    width: 132,
    align: 'right',
    cell: ({ createdAt }) => <Time at={createdAt} />,
  },
]

function linkColumn(onInvite: (tenant: TenantRowFragment) => void): Column<TenantRowFragment> {
  return {
    id: 'link',
    header: <span className="sr-only">Invite</span>,
    headerLabel: 'Invite',
    width: 120,
    align: 'right',
    cell: (tenant) => (
      <Button
        size="small"
        icon={<Link2 size={14} aria-hidden />}
        aria-label={`Invite to ${tenant.name}`}
        onClick={() => onInvite(tenant)}
      >
        Invite …
      </Button>
    ),
  }
}

const PAGE_SIZE = 100
const READ_EVERY_MS = 15_000

function useTenants() {
  const [rows, setRows] = useState<readonly TenantRowFragment[] | null>(null)
  const [end, setEnd] = useState<{ cursor: string | null; hasMore: boolean }>({ cursor: null, hasMore: false })
  const [fault, setFault] = useState<Fault | null>(null)
  const [isLoading, setLoading] = useState(false)
  const read = useCallback(async (after: string | null) => {
    setLoading(true)
    try {
      const { tenants } = await fetchQuery(PAGE, { after })
      setRows((before) => [...(after === null ? [] : (before ?? [])), ...(tenants?.nodes ?? [])])
      setEnd({ cursor: tenants?.pageInfo.endCursor ?? null, hasMore: tenants?.pageInfo.hasNextPage ?? false })
      setFault(null)
    } catch (error) {
      setFault(asFault(error))
    }
    setLoading(false)
  }, [])
  useEffect(() => void read(null), [read])
  // A longer list is read again only on request: its numbers are those of the day.
  const isShort = rows !== null && rows.length <= PAGE_SIZE
  useInterval(() => {
    if (isShort && !isLoading) void read(null)
  }, READ_EVERY_MS)
  return {
    rows,
    fault,
    hasMore: end.hasMore,
    isLoading,
    more: useCallback(() => void read(end.cursor), [read, end.cursor]),
    reread: useCallback(() => void read(null), [read]),
  }
}

function NewTenantDialog({ onClose, onDone }: { onClose(): void; onDone(): void }) {
  const [name, setName] = useState('')
  const create = useAction(CREATE, (data) => data.createTenant, { showsRefusal: true })
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const done = await create.run({ input: { name: name.trim() } })
    if (!done) return
    toast({ tone: 'good', title: `${done.tenant.name} is created.` })
    onDone()
  }
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="New tenant"
      width="narrow"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form="new-tenant" kind="primary" disabled={name.trim() === ''} isBusy={create.isBusy}>
            Create
          </Button>
        </>
      }
    >
      <form id="new-tenant" onSubmit={submit} onChange={() => create.forget()} className="flex flex-col gap-3">
        <Field label="Name" error={issueAt(create.refusal, 'name')}>
          {(control) => <TextInput {...control} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        {issuesElsewhere(create.refusal, ['name']).map((message) => (
          <Notice key={message} tone="bad">
            {message}
          </Notice>
        ))}
      </form>
    </Dialog>
  )
}
