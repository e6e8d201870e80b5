import { getRouteApi } from '@tanstack/react-router'
import { History, Send } from 'lucide-react'
import { useEffect, useState } from 'react'
import { graphql, useApiQuery } from '../api/client.ts'
import { useStream } from '../api/live.ts'
import { EndpointStatusBadge } from '../components/deliveries/status.tsx'
import { EndpointDeliveries } from '../components/endpoints/endpoint-deliveries.tsx'
import type { EndpointDetail } from '../components/endpoints/endpoint-detail.ts'
import { EndpointOverview } from '../components/endpoints/endpoint-overview.tsx'
import { EndpointSettings } from '../components/endpoints/endpoint-settings.tsx'
import { EndpointTest } from '../components/endpoints/endpoint-test.tsx'
import { PauseButton } from '../components/endpoints/pause-button.tsx'
import { ReplayDialog } from '../components/endpoints/replay-dialog.tsx'
import { EndpointFilter } from '../components/filters/endpoint-filter.tsx'
import { NoSuch } from '../components/shell/page-failed.tsx'
import { useShortcut } from '../lib/keyboard.ts'
import { useSetSearch } from '../lib/set-search.ts'
import { useRights } from '../session/session.ts'
import { Button } from '../ui/button.tsx'
import { Page } from '../ui/page.tsx'
import { Failed, LoadingRows, Notice } from '../ui/states.tsx'
import { type Tab, Tabs } from '../ui/tabs.tsx'
import { Time } from '../ui/time.tsx'

const PAGE = graphql(`
  query EndpointPage($id: ID!) {
    endpoint(id: $id) {
      ...EndpointDetail
    }
    eventTypes {
      ...EventTypeChoice
    }
  }
`)

const UPDATES = graphql(`
  subscription EndpointPageUpdates($tenantId: ID) {
    endpointUpdates(tenantId: $tenantId) {
      endpoint {
        ...EndpointDetail
      }
    }
  }
`)

type TabName = 'overview' | 'deliveries' | 'filter' | 'test' | 'settings'

const route = getRouteApi('/endpoints/$endpointId')

export function EndpointPage() {
  const { endpointId } = route.useParams()
  const { tab } = route.useSearch()
  const setSearch = useSetSearch<{ tab?: TabName }>()
  const { mayChange } = useRights()
  const [isReplaying, setReplaying] = useState(false)
  const { data, fault, refetch } = useApiQuery(PAGE, { id: endpointId })
  const endpoint = usePushed(data?.endpoint ?? null, refetch)
  const show = (next: TabName) => setSearch(next === 'overview' ? {} : { tab: next })
  const mayTest = mayChange && endpoint !== null && !endpoint.deletedAt
  useShortcut(mayTest ? { keys: 't', does: 'Test this endpoint', group: 'This page' } : null, () => show('test'))

  if (fault && !data) return <Failed fault={fault} onRetry={refetch} />
  if (!data) return <LoadingRows />
  if (!endpoint) return <NoSuch what="endpoint" to="/endpoints" place="endpoints" />

  const tabs: Tab<TabName>[] = [
    { value: 'overview', label: 'Overview', content: <EndpointOverview endpoint={endpoint} /> },
    { value: 'deliveries', label: 'Deliveries', content: <EndpointDeliveries endpoint={endpoint} /> },
    {
      value: 'filter',
      label: 'Filter',
      content: <EndpointFilter key={endpoint.id} endpoint={endpoint} types={data.eventTypes} />,
    },
  ]
  if (mayTest)
    tabs.push(
      { value: 'test', label: 'Test', content: <EndpointTest endpoint={endpoint} /> },
      { value: 'settings', label: 'Settings', content: <EndpointSettings endpoint={endpoint} /> },
    )
  return (
    <Page
      isFull
      title={
        <span className="flex items-center gap-x-3 gap-y-1 max-sm:flex-wrap">
          <span className="truncate">{endpoint.name}</span>
          {!endpoint.deletedAt && (
            <EndpointStatusBadge
              status={endpoint.status}
              asksToWaitUntil={endpoint.asksToWaitUntil ?? null}
              failingSince={endpoint.health?.failingSince ?? null}
            />
          )}
        </span>
      }
      lead={<span className="font-mono text-xs [overflow-wrap:anywhere]">{endpoint.url}</span>}
      actions={
        mayTest && (
          <>
            <Button icon={<Send size={14} aria-hidden />} onClick={() => show('test')}>
              Test
            </Button>
            <Button icon={<History size={14} aria-hidden />} onClick={() => setReplaying(true)}>
              Replay
            </Button>
            <PauseButton endpoint={endpoint} />
          </>
        )
      }
    >
      {isReplaying && <ReplayDialog endpoint={endpoint} onClose={() => setReplaying(false)} />}
      {endpoint.deletedAt && (
        <div className="pb-3">
          <Notice>
            Deleted <Time at={endpoint.deletedAt} />. Nothing is sent here any more; what was sent stays readable.
          </Notice>
        </div>
      )}
      <div className="-mx-6 -mb-6 flex max-sm:-mx-4 max-sm:-mb-4 min-h-0 flex-1 flex-col">
        <Tabs
          label="Parts of the endpoint"
          tabs={tabs}
          value={tabs.find(({ value }) => value === tab)?.value ?? 'overview'}
          onChange={show}
        />
      </div>
    </Page>
  )
}

/** The endpoint: as it was read, or as it was pushed later. */
function usePushed(read: EndpointDetail | null, refetch: () => void): EndpointDetail | null {
  const [pushed, setPushed] = useState<EndpointDetail | null>(null)
  useStream(UPDATES, read && { tenantId: read.tenantId }, {
    next: ({ endpointUpdates: { endpoint } }) => {
      if (endpoint.id === read?.id) setPushed(endpoint)
    },
    resumed: refetch,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new read is newer than the last push
  useEffect(() => setPushed(null), [read])
  return pushed?.id === read?.id ? (pushed ?? read) : read
}
