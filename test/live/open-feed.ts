import { pino } from 'pino'
import { openHotDatabase } from '../../src/database/pools.ts'
import { type ChangeFeed, openChangeFeed } from '../../src/live/feed.ts'
import type { Batch } from '../../src/live/live-buffer.ts'
import type { FeedBounds } from '../../src/live/reader.ts'
import type { ChangedRow, ChangeKind } from '../../src/live/reads.ts'
import { accessTo } from '../support/database-session.ts'

export type OpenFeed = ChangeFeed & {
  /** How many changes its subscribers did not get because they read too slowly. */
  dropped(): number
  closeAll(): Promise<void>
}

/** A feed with connections of its own. `listenUrl` is where its bell listens, when that is another address. */
export function openFeed(url: string, bounds: Partial<FeedBounds> = {}, listenUrl = url): OpenFeed {
  const log = pino({ level: 'silent' })
  const hot = openHotDatabase(accessTo(url, 'live-test'), 3)
  const clock = { monotonicMs: () => performance.now() }
  let dropped = 0
  const onDropped = (changes: number) => {
    dropped += changes
  }
  const feed = openChangeFeed({ access: accessTo(listenUrl, 'live-test'), hot, log, clock, bounds, onDropped })
  return {
    ...feed,
    dropped: () => dropped,
    async closeAll() {
      await feed.close()
      await hot.close()
    },
  }
}

export type Watch<Kind extends ChangeKind = 'delivery'> = AsyncGenerator<Batch<ChangedRow[Kind]>, void, void>

/** A stream of all of a tenant's deliveries, or of those that `matches` takes. */
export function watchDeliveries(
  feed: ChangeFeed,
  tenantId: string,
  options: { after?: string | null; matches?: (row: ChangedRow['delivery']) => boolean; filterKey?: string } = {},
): Watch {
  const { after = null, matches = () => true, filterKey = '' } = options
  return feed.updates({ kind: 'delivery', tenantId, matches, filterKey, after })
}

export async function nextBatch<Row>(stream: AsyncGenerator<Batch<Row>, void, void>): Promise<Batch<Row>> {
  const { value, done } = await stream.next()
  if (done || !value) throw new Error('Expected a batch, but the stream has ended.')
  return value
}

/** The next batch that has rows or asks for a resync. */
export async function nextNews<Row>(stream: AsyncGenerator<Batch<Row>, void, void>): Promise<Batch<Row>> {
  for (;;) {
    const batch = await nextBatch(stream)
    if (batch.rows.length > 0 || batch.resyncRequired) return batch
  }
}
