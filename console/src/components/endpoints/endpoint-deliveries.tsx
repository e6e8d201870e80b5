import { Link } from '@tanstack/react-router'
import { useDeliveryFeed } from '../../api/live.ts'
import { useOpenDelivery, useOpenDeliveryId } from '../../lib/open-delivery.ts'
import { buttonClass } from '../../ui/button.tsx'
import { DataTable } from '../../ui/data-table.tsx'
import { Empty, Failed, LoadingRows } from '../../ui/states.tsx'
import { DELIVERY_COLUMNS } from '../deliveries/delivery-columns.tsx'
import { FeedNotices, NewRowsLine } from '../filters/feed-notices.tsx'
import { ListTotal } from '../filters/list-total.tsx'
import type { EndpointDetail } from './endpoint-detail.ts'

const COLUMNS = DELIVERY_COLUMNS.filter(({ id }) => id !== 'endpoint')

/** The log of one endpoint: the last hundred deliveries, and older ones on scrolling. */
export function EndpointDeliveries({ endpoint }: { endpoint: EndpointDetail }) {
  const filter = { tenantId: endpoint.tenantId, endpointIds: [endpoint.id] }
  const feed = useDeliveryFeed(filter)
  const openId = useOpenDeliveryId()
  const open = useOpenDelivery()
  return (
    <div className="flex h-full min-h-0 flex-col gap-2 px-6 py-4 max-sm:px-4">
      <FeedNotices feed={feed} />
      {feed.phase === 'failed' && feed.fault ? (
        <Failed fault={feed.fault} onRetry={feed.retry} />
      ) : feed.phase === 'loading' ? (
        <LoadingRows />
      ) : feed.rows.length === 0 && feed.waiting === 0 ? (
        <Empty
          title="Nothing was sent here yet"
          action={
            !endpoint.deletedAt && (
              <Link
                to="/endpoints/$endpointId"
                params={{ endpointId: endpoint.id }}
                search={{ tab: 'test' }}
                className={buttonClass('primary')}
              >
                Send a test
              </Link>
            )
          }
        >
          Deliveries appear the moment an event is published that this endpoint wants.
        </Empty>
      ) : (
        <div className="relative flex min-h-64 flex-1 flex-col">
          <NewRowsLine
            feed={feed}
            total={<ListTotal of="deliveries" filter={filter} since={undefined} atLeast={feed.rows.length} />}
          />
          <DataTable
            label={`Deliveries to ${endpoint.name}`}
            columns={COLUMNS}
            rows={feed.rows}
            openId={openId}
            onOpen={({ id }) => open(id)}
            hasMore={feed.hasMore}
            isLoadingMore={feed.isLoadingMore}
            onMore={feed.loadMore}
          />
        </div>
      )}
    </div>
  )
}
