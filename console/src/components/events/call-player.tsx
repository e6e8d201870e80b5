// Sends a whole call to one endpoint as test events, in order and with their intervals, faster if wanted. The outcome of
// each test appears beside it.

import { Play, RotateCcw, Square } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { asFault } from '../../api/faults.ts'
import { type SentTest, sendTest } from '../../api/send-test.ts'
import { type Story, type StoryEvent, storiesOf } from '../../lib/call-story.ts'
import { formatMs, formatSpan } from '../../lib/format.ts'
import { useOpenDelivery } from '../../lib/open-delivery.ts'
import { describeOutcome } from '../../lib/words.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { Checkbox, Field, Select } from '../../ui/field.tsx'
import { Card } from '../../ui/page.tsx'
import { useNow } from '../../ui/time.tsx'
import { DeliveryStatusBadge } from '../deliveries/status.tsx'
import { isPublished } from '../endpoints/event-type-picker.tsx'
import { type TestOutcome, useTest } from '../tester/test-result.tsx'
import { type CatalogueType, exampleOf } from './catalogue.ts'

const SPEEDS = [1, 5, 10, 30, 60]

type Played = { readonly event: StoryEvent; readonly sent: SentTest | { readonly refused: string } | null }
type Playing = { readonly startedAt: number; readonly speed: number }

type PlayerProps = {
  types: readonly CatalogueType[]
  endpoint: { id: string; name: string; eventTypes: readonly string[] }
}

export function CallPlayer({ types, endpoint }: PlayerProps) {
  const story = storiesOf(types.filter(isPublished).map(exampleOf))[0]
  const [speed, setSpeed] = useState(30)
  const [isWantedOnly, setWantedOnly] = useState(true)
  if (!story) return <p className="text-ink-2">The catalogue has no examples of a whole call.</p>
  const events = isWantedOnly ? story.events.filter(({ type }) => endpoint.eventTypes.includes(type)) : story.events
  return (
    <Player
      // Another endpoint or another choice of events starts a new run.
      key={`${endpoint.id} ${events.length}`}
      endpointId={endpoint.id}
      story={{ ...story, events }}
      speed={speed}
      settings={(isPlaying) => (
        <div className="flex flex-col gap-4">
          <Field
            label="Speed"
            hint={`The call takes ${formatSpan(story.spanMs)} in life, ${formatSpan(story.spanMs / speed)} at this speed.`}
          >
            {(control) => (
              <Select
                {...control}
                disabled={isPlaying}
                value={speed}
                onChange={(event) => setSpeed(Number(event.target.value))}
              >
                {SPEEDS.map((times) => (
                  <option key={times} value={times}>
                    {times === 1 ? 'As in life' : `${times} times as fast`}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Checkbox
            label="Only the types this endpoint wants"
            hint={`${story.events.filter(({ type }) => endpoint.eventTypes.includes(type)).length} of ${story.events.length} events of the call.`}
            disabled={isPlaying}
            checked={isWantedOnly}
            onChange={(event) => setWantedOnly(event.target.checked)}
          />
        </div>
      )}
    />
  )
}

type PerformanceProps = {
  endpointId: string
  story: Story
  speed: number
  settings(isPlaying: boolean): React.ReactNode
}

function Player({ endpointId, story, speed, settings }: PerformanceProps) {
  const [playing, setPlaying] = useState<Playing | null>(null)
  const [played, setPlayed] = useState<readonly Played[]>([])
  const timers = useRef<ReturnType<typeof setTimeout>[]>([])
  const stop = () => {
    for (const timer of timers.current) clearTimeout(timer)
    timers.current = []
    setPlaying(null)
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: leaving the page stops the run
  useEffect(() => stop, [])

  const put = (index: number, sent: Played['sent']) =>
    setPlayed((before) => before.map((one, at) => (at === index ? { ...one, sent } : one)))
  const start = () => {
    const first = story.events[0]?.afterMs ?? 0
    setPlayed(story.events.map((event) => ({ event, sent: null })))
    setPlaying({ startedAt: Date.now(), speed })
    timers.current = story.events.map((event, index) =>
      setTimeout(
        async () => {
          try {
            const sent = await sendTest({ endpointId, eventType: event.type })
            put(index, typeof sent === 'string' ? { refused: sent } : sent)
          } catch (error) {
            put(index, { refused: asFault(error).detail })
          }
          if (index === story.events.length - 1) setPlaying(null)
        },
        (event.afterMs - first) / speed,
      ),
    )
  }
  const rows: readonly Played[] = played.length > 0 ? played : story.events.map((event) => ({ event, sent: null }))
  return (
    <div className="grid items-start gap-4 xl:grid-cols-[320px_minmax(0,1fr)]">
      <Card title="A whole call">
        <div className="flex flex-col gap-4 p-4">
          <p className="text-ink-2">
            The catalogue’s call with its queue, AI agent, transfer, recording and transcript. Its events share one call
            id and count up in <code className="font-mono text-xs">sequence</code>, so a receiver can show that it
            orders them. All are marked as tests.
          </p>
          {settings(playing !== null)}
          {playing ? (
            <Button icon={<Square size={14} aria-hidden />} onClick={stop}>
              Stop
            </Button>
          ) : (
            <Button
              kind="primary"
              icon={played.length > 0 ? <RotateCcw size={14} aria-hidden /> : <Play size={14} aria-hidden />}
              disabled={story.events.length === 0}
              onClick={start}
            >
              {played.length > 0 ? 'Play it again' : 'Play'}
            </Button>
          )}
        </div>
      </Card>
      <Card title="What happens" actions={playing && <Clock playing={playing} />}>
        {rows.length === 0 ? (
          <p className="p-4 text-ink-2">The endpoint wants none of the call’s events.</p>
        ) : (
          <ol aria-label="Events of the call" className="divide-y divide-line">
            {rows.map(({ event, sent }) => (
              <li
                key={event.type}
                className={classes('flex min-h-10 flex-wrap items-center gap-x-4 px-4 py-1.5', !sent && 'text-ink-3')}
              >
                <span className="w-20 text-right text-ink-3 tabular-nums">+{formatSpan(event.afterMs)}</span>
                <span className="w-8 text-right text-xs text-ink-3" title="sequence">
                  {event.sequence !== null ? `#${event.sequence}` : ''}
                </span>
                <span className="min-w-44 flex-1 font-mono text-xs">{event.type}</span>
                {sent && 'deliveryId' in sent ? (
                  <PlayedTest key={sent.deliveryId} test={sent} />
                ) : sent ? (
                  <span className="text-bad">{sent.refused}</span>
                ) : (
                  <Badge tone="idle">{playing ? 'To come' : 'Not sent'}</Badge>
                )}
              </li>
            ))}
          </ol>
        )}
      </Card>
    </div>
  )
}

function Clock({ playing: { startedAt, speed } }: { playing: Playing }) {
  const now = useNow(250)
  return (
    <span className="text-ink-2 tabular-nums">
      {formatSpan((now - startedAt) * speed)} into the call, at {speed}×
    </span>
  )
}

/** One line for a test: its outcome, and a link to its details. */
export function PlayedTest({ test, onOutcome }: { test: SentTest; onOutcome?: (outcome: TestOutcome) => void }) {
  const { outcome, fault } = useTest(test, onOutcome)
  const open = useOpenDelivery()
  const attempt = outcome?.attempts.at(-1)
  return (
    <span className="flex items-center gap-3">
      {fault && <span className="text-bad">{fault.title}</span>}
      {attempt && (
        <span className="text-ink-2 tabular-nums">
          {describeOutcome(attempt.errorCode, attempt.statusCode) ?? `HTTP ${attempt.statusCode}`},{' '}
          {formatMs(attempt.latencyMs)}
        </span>
      )}
      <DeliveryStatusBadge status={outcome?.status ?? 'PENDING'} />
      <Button size="small" kind="quiet" onClick={() => open(test.deliveryId)}>
        Open
      </Button>
    </span>
  )
}
