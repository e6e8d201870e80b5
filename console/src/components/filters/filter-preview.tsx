// A filter, tried by the gateway on the newest events of a tenant while a person changes it.

import { useEffect, useRef, useState } from 'react'
import { fetchQuery, graphql } from '../../api/client.ts'
import { asFault, type Fault } from '../../api/faults.ts'
import type { useEventFeed } from '../../api/live.ts'
import { useOnLive } from '../../api/streams.ts'
import { asSentence } from '../../lib/actions.ts'
import { conditionOf } from '../../lib/endpoint-draft.ts'
import { formatCount } from '../../lib/format.ts'
import { classes } from '../../ui/classes.ts'
import { Card } from '../../ui/page.tsx'
import { Failed, LoadingRows } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { type EventTypeChoice, isPublished } from '../endpoints/event-type-picker.tsx'

const PREVIEW = graphql(`
  query FilterPreview($tenantId: ID, $eventTypes: [String!], $condition: String) {
    filterPreview(tenantId: $tenantId, eventTypes: $eventTypes, condition: $condition, last: 200) {
      checked
      matched
      failed
      events {
        id
      }
    }
  }
`)

/** How long a person does not type before the filter is tried. */
const SETTLED_MS = 400
/** How long after a new event the filter is tried again. */
const AGAIN_MS = 2_500
const SHOWN = 12

type Filter = {
  tenantId: string
  types: readonly EventTypeChoice[]
  /** null for all types that publishers send. */
  eventTypes: readonly string[] | null
  /** The typed text. */
  condition: string
}

type Tried = {
  readonly checked: number
  readonly matched: number
  readonly failed: number
  /** The ids of the events that match. */
  readonly ids: ReadonlySet<string>
  readonly fault: Fault | null
  /** The newest event of the list when the filter was tried. */
  readonly newest: string | undefined
}

/**
 * What the filter does to the newest 200 events; null while it is tried, and for a list without types. With `newest`, the id of the
 * newest event of a list, the filter is tried again after that has changed.
 */
export function useFilterPreview(filter: Filter, newest?: string): Tried | null {
  const { tenantId, types, eventTypes } = filter
  const variables = {
    tenantId,
    eventTypes: eventTypes ? [...eventTypes] : types.filter(isPublished).map(({ name }) => name),
    condition: conditionOf(filter.condition),
  }
  const key = JSON.stringify(variables)
  const isTriable = variables.eventTypes.length > 0
  const [answer, setAnswer] = useState<{ key: string; tried: Tried } | null>(null)
  const [round, setRound] = useState(0)
  const current = answer?.key === key ? answer.tried : null
  const latest = useRef(newest)
  latest.current = newest
  const tryAgain = () => setRound((before) => before + 1)
  useOnLive(() => current?.fault && tryAgain())

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the variables, and a round tries again
  useEffect(() => {
    if (!isTriable) return
    let isLeft = false
    const timer = setTimeout(async () => {
      const tried = await tryFilter(variables, latest.current)
      if (!isLeft) setAnswer({ key, tried })
    }, SETTLED_MS)
    return () => {
      isLeft = true
      clearTimeout(timer)
    }
  }, [key, isTriable, round])

  const isBehind = current !== null && newest !== undefined && current.newest !== newest
  // biome-ignore lint/correctness/useExhaustiveDependencies: each answer may be behind again
  useEffect(() => {
    if (!isBehind) return
    const timer = setTimeout(tryAgain, current.newest === undefined ? 0 : AGAIN_MS)
    return () => clearTimeout(timer)
  }, [isBehind, current])
  return current
}

type Variables = { tenantId: string; eventTypes: string[]; condition: string | null }

async function tryFilter(variables: Variables, newest: string | undefined): Promise<Tried> {
  const nothing = { checked: 0, matched: 0, failed: 0, ids: new Set<string>(), newest }
  try {
    const { filterPreview } = await fetchQuery(PREVIEW, variables)
    if (!filterPreview) return { ...nothing, fault: null }
    const { events, ...counts } = filterPreview
    return { ...counts, ids: new Set(events.map(({ id }) => id)), newest, fault: null }
  } catch (error) {
    return { ...nothing, fault: asFault(error) }
  }
}

/** What the gateway says of the typed condition; null if it can be evaluated, or is not tried yet. */
export function conditionError(tried: Tried | null): string | null {
  return tried?.fault ? conditionIssue(tried.fault) : null
}

/** The issue of the condition in a refusal of `filterPreview`; null for every other fault. */
export function conditionIssue({ code, detail }: Fault): string | null {
  const [, issue] = /^condition: (.*)$/s.exec(detail) ?? []
  return code === 'BAD_USER_INPUT' && issue !== undefined ? asSentence(issue) : null
}

/** How many of the newest events match. */
export function PreviewSentence({ tried }: { tried: Tried | null }) {
  return (
    <p role="status" className={tried && isOfNothing(tried) ? 'text-warn' : 'text-ink-2'}>
      {tried === null ? 'The filter is tried on recent events …' : sentenceOf(tried)}
    </p>
  )
}

/** Whether it was tried on some events, and wants none of them. */
function isOfNothing({ checked, matched, fault }: Tried): boolean {
  return !fault && checked > 0 && matched === 0
}

function sentenceOf({ checked, matched, failed, fault }: Tried): string {
  if (fault) return conditionIssue(fault) ? 'Not tried: the condition has an error.' : `Not tried: ${fault.detail}`
  if (checked === 0) return 'No events were published yet.'
  const events = checked === 1 ? 'The last event' : `${formatCount(matched)} of the last ${formatCount(checked)} events`
  const verb = checked === 1 ? (matched === 1 ? 'matches' : 'does not match') : matched === 1 ? 'matches' : 'match'
  const unknown = failed > 0 ? ` The condition cannot be evaluated for ${formatCount(failed)} of them.` : ''
  return `${events} ${verb}.${unknown}`
}

type TriedEventsProps = {
  feed: ReturnType<typeof useEventFeed>
  eventTypes: readonly string[] | null
  tried: Tried | null
}

/** The newest events of a list, each with what the tried filter says of it. What came after the try has no verdict yet. */
export function TriedEvents({ feed, eventTypes, tried }: TriedEventsProps) {
  if (feed.phase === 'failed' && feed.fault) return <Failed fault={feed.fault} onRetry={feed.retry} />
  const judgedFrom = tried && !tried.fault ? feed.rows.findIndex(({ id }) => id === tried.newest) : -1
  const verdictOf = ({ id, type }: { id: string; type: string }, at: number): boolean | null => {
    if (eventTypes !== null && !eventTypes.includes(type)) return false
    return judgedFrom < 0 || at < judgedFrom ? null : tried!.ids.has(id)
  }
  return (
    <Card title="Tried on recent events">
      {feed.phase === 'loading' ? (
        <LoadingRows rows={5} />
      ) : feed.rows.length === 0 ? (
        <p className="p-4 text-ink-2">No events were published yet. The first that match appear here.</p>
      ) : (
        <>
          <div className="px-4 pt-3 pb-2">
            {eventTypes?.length === 0 ? <p>No type is chosen.</p> : <PreviewSentence tried={tried} />}
          </div>
          <ul className="pb-2">
            {feed.rows.slice(0, SHOWN).map((row, at) => {
              const verdict = verdictOf(row, at)
              return (
                <li
                  key={row.id}
                  className={classes('arrived flex items-center gap-3 px-4 py-1', verdict !== true && 'text-ink-3')}
                >
                  <span className={classes('flex-1 font-mono text-xs', verdict === false && 'line-through')}>
                    {row.type}
                  </span>
                  <span className="sr-only">
                    {verdict === null ? 'not tried yet' : verdict ? 'matches' : 'does not match'}
                  </span>
                  <Time at={row.createdAt} />
                </li>
              )
            })}
          </ul>
        </>
      )}
    </Card>
  )
}
