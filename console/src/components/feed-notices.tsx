// What a live list tells about itself: new rows that wait, changes that were caught up with, a page that did not come.

import { ArrowUp, X } from 'lucide-react'
import { formatCount } from '../format.ts'
import type { LiveFeed } from '../live.ts'
import { useConnection } from '../streams.ts'
import { IconButton } from '../ui/button.tsx'
import { Notice } from '../ui/states.tsx'

type AnyFeed = Pick<
  LiveFeed<{ id: string }>,
  'waiting' | 'skipped' | 'caughtUp' | 'wasReread' | 'fault' | 'phase' | 'dismissNotice' | 'showWaiting' | 'retry'
>

/** The pill that lets new rows in. Nothing moves until it is pressed. */
export function NewRowsPill({ feed, onShow }: { feed: Pick<AnyFeed, 'waiting' | 'showWaiting'>; onShow?: () => void }) {
  if (feed.waiting === 0) return null
  return (
    <div className="pointer-events-none absolute inset-x-0 top-11 z-20 flex justify-center">
      <button
        type="button"
        onClick={() => {
          feed.showWaiting()
          onShow?.()
        }}
        className="pointer-events-auto flex h-7 items-center gap-1.5 rounded-full bg-accent px-3 text-xs font-medium text-accent-ink shadow-float hover:bg-accent-hover"
      >
        <ArrowUp size={14} aria-hidden />
        {formatCount(feed.waiting)} new
      </button>
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
