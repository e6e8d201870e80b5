import { Link } from '@tanstack/react-router'
import { RotateCw } from 'lucide-react'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { fetchQuery, graphql } from '../../api/client.ts'
import { asFault, type Fault } from '../../api/faults.ts'
import type { AuditLogQuery } from '../../gql/graphql.ts'
import { Button } from '../../ui/button.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Facts } from '../../ui/page.tsx'
import { Empty, Failed, LoadingRows } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'

const AUDIT = graphql(`
  query AuditLog($tenantId: ID, $after: String) {
    auditEntries(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        id
        at
        actor
        action
        targetId
        details
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

type Entry = NonNullable<AuditLogQuery['auditEntries']>['nodes'][number]

const ACTIONS: Record<string, string> = {
  'endpoint.created': 'Created an endpoint',
  'endpoint.updated': 'Changed an endpoint',
  'endpoint.paused': 'Paused an endpoint',
  'endpoint.resumed': 'Resumed an endpoint',
  'endpoint.disabled': 'Disabled an endpoint',
  'endpoint.deleted': 'Deleted an endpoint',
  'signing_secret.rotated': 'Rotated a signing secret',
  'signing_secret.rotation_completed': 'Completed a rotation',
  'api_key.created': 'Created an API key',
  'api_key.revoked': 'Revoked an API key',
  'console_link.created': 'Created a console link',
  'session.opened': 'Signed in to the console',
  'session.ended': 'Ended a console session',
  'delivery.retried': 'Retried a delivery',
  'delivery.resent': 'Sent a delivery again',
  'delivery.cancelled': 'Cancelled a delivery',
  'dead_letters.acknowledged': 'Acknowledged dead letters',
  'dead_letters.acknowledgement_withdrawn': 'Counts dead letters again',
  'notice_recipient.added': 'Added a recipient of notices',
  'notice_recipient.removed': 'Removed a recipient of notices',
  'test_receiver.created': 'Created the built-in receiver',
  'test_receiver.updated': 'Changed the answer of the built-in receiver',
  'test_receiver.deleted': 'Deleted the built-in receiver',
  'tenant.created': 'Opened the tenant',
}

const columnsOf = (onOpen: (entry: Entry) => void): readonly Column<Entry>[] => [
  { id: 'at', header: 'When', narrow: 'end', width: 140, cell: ({ at }) => <Time at={at} /> },
  {
    id: 'action',
    header: 'What',
    narrow: 'title',
    width: 220,
    cell: (entry) => (
      <button
        type="button"
        title={entry.action}
        className="max-w-full truncate hover:text-link hover:underline"
        onClick={() => onOpen(entry)}
      >
        {wordsOf(entry.action)}
      </button>
    ),
  },
  {
    id: 'target',
    rank: 2,
    header: 'To what',
    width: 280,
    cell: ({ targetId }) => <Target id={targetId} />,
  },
  {
    id: 'details',
    header: 'Details',
    narrow: 'detail',
    cell: ({ details }) => {
      const text = describeDetails(details)
        .map(([name, value]) => `${name}: ${value}`)
        .join(', ')
      return (
        <span className="text-ink-2" title={text}>
          {text}
        </span>
      )
    },
  },
  {
    id: 'actor',
    header: 'Who',
    narrow: 'state',
    width: 220,
    cell: ({ actor }) => <span title={actor}>{actor.replace(/ \([^()]*\)$/, '')}</span>,
  },
]

/** The audit entries, newest first. */
export function AuditLog({ tenantId }: { tenantId: string }) {
  const [entries, setEntries] = useState<readonly Entry[] | null>(null)
  const [end, setEnd] = useState<{ cursor: string | null; hasMore: boolean }>({ cursor: null, hasMore: false })
  const [fault, setFault] = useState<Fault | null>(null)
  const [isLoading, setLoading] = useState(false)
  const read = useCallback(
    async (after: string | null) => {
      setLoading(true)
      try {
        const { auditEntries } = await fetchQuery(AUDIT, { tenantId, after })
        const nodes = auditEntries?.nodes ?? []
        setEntries((before) => (after === null ? nodes : [...(before ?? []), ...nodes]))
        setEnd({
          cursor: auditEntries?.pageInfo.endCursor ?? null,
          hasMore: auditEntries?.pageInfo.hasNextPage ?? false,
        })
        setFault(null)
      } catch (error) {
        setFault(asFault(error))
      }
      setLoading(false)
    },
    [tenantId],
  )
  useEffect(() => void read(null), [read])
  const more = useCallback(() => void read(end.cursor), [read, end.cursor])
  const [open, setOpen] = useState<Entry | null>(null)
  const columns = useMemo(() => columnsOf(setOpen), [])

  if (fault) return <Failed fault={fault} onRetry={() => void read(null)} />
  if (!entries) return <LoadingRows />
  if (entries.length === 0)
    return <Empty title="Nothing was changed yet">What anybody changes is written down here.</Empty>
  return (
    <div className="flex h-full min-h-0 flex-col gap-3 px-6 py-4 max-sm:px-4">
      <div className="flex items-center gap-3">
        <p className="flex-1 text-ink-2">
          Written in the same transaction as the change, and never changed afterwards. Secrets are never in it.
        </p>
        <Button icon={<RotateCw size={14} aria-hidden />} isBusy={isLoading} onClick={() => void read(null)}>
          Refresh
        </Button>
      </div>
      <DataTable
        label="Audit log"
        columns={columns}
        rows={entries}
        onOpen={setOpen}
        hasMore={end.hasMore}
        isLoadingMore={isLoading}
        onMore={more}
      />
      {open && <EntryDialog entry={open} onClose={() => setOpen(null)} />}
    </div>
  )
}

/** All of an entry, of which a row has room for the beginning. */
function EntryDialog({ entry: { at, actor, action, targetId, details }, onClose }: { entry: Entry; onClose(): void }) {
  return (
    <Dialog isOpen onClose={onClose} title={wordsOf(action)} footer={<Button onClick={onClose}>Close</Button>}>
      <Facts
        facts={[
          ['When', <Time key="at" at={at} />],
          ['Who', actor],
          ['To what', targetId && <Target key="target" id={targetId} />],
          ...describeDetails(details),
        ]}
      />
    </Dialog>
  )
}

function Target({ id }: { id: string | null | undefined }) {
  if (!id) return <span className="text-ink-3">–</span>
  const look = 'font-mono text-xs'
  if (id.startsWith('ep_'))
    return (
      <Link to="/endpoints/$endpointId" params={{ endpointId: id }} className={`${look} text-link hover:underline`}>
        {id}
      </Link>
    )
  if (id.startsWith('blk_'))
    return (
      <Link
        to="/bulk-retries/$bulkRetryId"
        params={{ bulkRetryId: id }}
        className={`${look} text-link hover:underline`}
      >
        {id}
      </Link>
    )
  return <span className={look}>{id}</span>
}

function wordsOf(action: string): string {
  const known = ACTIONS[action]
  if (known) return known
  const words = action.replaceAll(/[._]/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

type Details = Record<string, unknown>

/** [["max in flight", "5 → 10"], ["role", "VIEWER"]]: what changed, before and after, then what else there is to say. */
function describeDetails(details: unknown): (readonly [name: string, value: string])[] {
  if (typeof details !== 'object' || details === null) return []
  const {
    before = {},
    after = {},
    changed: _changed,
    ...rest
  } = details as { before?: Details; after?: Details } & Details
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const changes = fields.map((field) => {
    const [was, is] = [before[field], after[field]].map((value) => (value === undefined ? null : shown(value)))
    return [inWords(field), `${was === null ? is : is === null ? `was ${was}` : `${was} → ${is}`}`] as const
  })
  const others = Object.entries(rest)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [inWords(name), shown(value)] as const)
  return [...changes, ...others]
}

function inWords(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function shown(value: unknown): string {
  if (value === null) return 'none'
  if (Array.isArray(value)) return value.length > 0 ? value.join(', ') : 'none'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
