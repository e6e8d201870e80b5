// The notices of a live list: new rows that wait, changes after a lost connection, a page that failed to load.

import { ArrowUp, X } from 'lucide-react'
import type { ReactNode } from 'react'
import type { LiveFeed } from '../../api/live.ts'
import { useConnection } from '../../api/streams.ts'
import { formatCount } from '../../lib/format.ts'
import { IconButton } from '../../ui/button.tsx'
import { Notice } from '../../ui/states.tsx'

type AnyFeed = Pick<
  LiveFeed<{ id: string }>,
  'skipped' | 'caughtUp' | 'wasReread' | 'fault' | 'phase' | 'dismissNotice' | 'retry'
>
type Waiting = Pick<LiveFeed<{ id: string }>, 'rows' | 'waiting' | 'hasMore' | 'showWaiting'>

/**
 * The line above a live list, with the button that shows new rows. Nothing moves until it is pressed: the button has a
 * reserved space. `isMoving` means that the list shows new rows by itself.
 */
export function NewRowsLine({
  feed,
  onShow,
  isMoving = false,
  total,
}: {
  feed: Waiting
  onShow?: () => void
  isMoving?: boolean
  /** How many rows match, such as " of 1,868". */
  total?: ReactNode
}) {
  const hasPill = feed.waiting > 0 && !isMoving
  return (
    <div className="mb-1.5 grid h-7 shrink-0 grid-cols-[1fr_auto_1fr] items-center text-xs text-ink-3">
      <span className={hasPill ? 'truncate' : 'col-span-3 truncate'}>
        Newest first, {formatCount(feed.rows.length)}
        {total} loaded
        {feed.hasMore && !hasPill && '; older ones come as you scroll'}
      </span>
      {hasPill && (
        <button
          type="button"
          onClick={() => {
            feed.showWaiting()
            onShow?.()
          }}
          className="flex h-7 items-center gap-1.5 rounded-full bg-accent px-3 font-medium text-accent-ink hover:bg-accent-hover"
        >
          <ArrowUp size={14} aria-hidden />
          {formatCount(feed.waiting)} new
        </button>
      )}
    </div>
  )
}

export function FeedNotices({ feed }: { feed: AnyFeed }) {
  const { state } = useConnection()
  const close = <IconButton size="small" label="Close" icon={<X size={14} />} onClick={feed.dismissNotice} />
  return (
    <>
      {state === 'reconnecting' && (
        <Notice>The connection is lost. What you see was true when it broke off; it is being opened again.</Notice>
      )}
      {state !== 'reconnecting' && feed.wasReread && (
        <Notice tone="info" action={close}>
          More changed than could be replayed. The list was read again and is complete.
        </Notice>
      )}
      {state !== 'reconnecting' && !feed.wasReread && feed.caughtUp !== null && (
        <Notice tone="info" action={close}>
          {formatCount(feed.caughtUp)} {feed.caughtUp === 1 ? 'change' : 'changes'} missed while the connection was
          down, loaded.
        </Notice>
      )}
      {feed.phase === 'ready' && feed.fault && (
        <Notice
          tone="bad"
          action={<IconButton size="small" label="Close" icon={<X size={14} />} onClick={feed.retry} />}
        >
          {feed.fault.title}: {feed.fault.detail}
        </Notice>
      )}
    </>
  )
}
