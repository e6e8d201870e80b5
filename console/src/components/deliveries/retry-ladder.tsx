// The attempts of a delivery as a ladder: those that were made, the next one with its countdown, and those that remain,
// each with its earliest time. A manual retry begins a new cycle, which is drawn after the old one.

import { Check, Clock, X } from 'lucide-react'
import type { AttemptDetailFragment, DeliveryRowFragment } from '../../gql/graphql.ts'
import { formatFullMoment, formatMoment, formatSpan } from '../../lib/format.ts'
import { describeErrorCode, describeTrigger } from '../../lib/words.ts'
import { classes } from '../../ui/classes.ts'
import { Countdown } from '../../ui/time.tsx'

type LadderProps = {
  delivery: Pick<DeliveryRowFragment, 'status' | 'attemptCount' | 'maxAttempts' | 'nextAttemptAt' | 'event'> & {
    attempts: readonly AttemptDetailFragment[]
    plannedAttempts: readonly { readonly number: number; readonly earliestAt: string }[]
  }
  /** The number of the attempt whose details are shown. */
  chosen: number | null
  onChoose(number: number): void
}

const MOST_SHOWN = 12

export function RetryLadder({ delivery, chosen, onChoose }: LadderProps) {
  const { attempts, plannedAttempts, status, attemptCount, nextAttemptAt, event } = delivery
  const plannedAt = (number: number) => plannedAttempts.find((one) => one.number === number)?.earliestAt
  const maxAttempts = event.test ? 1 : delivery.maxAttempts
  const shown = attempts.slice(-MOST_SHOWN)
  const isOpen = status === 'PENDING' || status === 'HELD'
  const left = isOpen ? Math.max(0, maxAttempts - attemptCount) : 0
  return (
    <section aria-label="Attempts">
      <ol className="flex flex-wrap gap-y-2">
        {attempts.length > shown.length && (
          <li className="flex w-14 items-start justify-center pt-1 text-xs text-ink-3">
            +{attempts.length - shown.length}
          </li>
        )}
        {shown.map((attempt) => {
          const before = attempts.find(({ number }) => number === attempt.number - 1)
          const isGood = attempt.errorCode === null
          const answer =
            attempt.statusCode !== null
              ? String(attempt.statusCode)
              : attempt.errorCode
                ? describeErrorCode(attempt.errorCode)
                : ''
          return (
            <li key={attempt.id} className="flex w-18 flex-col items-center">
              <button
                type="button"
                aria-pressed={attempt.number === chosen}
                title={`${describeTrigger(attempt.trigger)}\n${formatFullMoment(attempt.startedAt)}`}
                onClick={() => onChoose(attempt.number)}
                className={classes(
                  'flex w-full flex-col items-center gap-0.5 rounded-md py-1 text-xs hover:bg-hover',
                  attempt.number === chosen && 'bg-selected! font-medium',
                )}
              >
                <span className="sr-only">
                  Attempt {attempt.number}, {describeTrigger(attempt.trigger).toLowerCase()},{' '}
                  {isGood ? 'succeeded' : 'failed'}:
                </span>
                <Rung tone={isGood ? 'good' : 'bad'}>
                  {isGood ? <Check size={13} aria-hidden /> : <X size={13} aria-hidden />}
                </Rung>
                <span className="w-full truncate px-0.5 text-center">{answer}</span>
                <span className="text-ink-3">
                  {before
                    ? `+${formatSpan(Date.parse(attempt.startedAt) - Date.parse(before.startedAt))}`
                    : `#${attempt.number}`}
                </span>
              </button>
            </li>
          )
        })}
        {Array.from({ length: left }, (_, index) => {
          const number = attemptCount + index + 1
          const isNext = index === 0
          return (
            <li key={number} className="flex w-18 flex-col items-center gap-0.5 py-1 text-center text-xs text-ink-3">
              <Rung tone={isNext && status === 'PENDING' ? 'next' : 'left'}>
                {isNext ? <Clock size={13} aria-hidden /> : <span aria-hidden>{number}</span>}
              </Rung>
              {isNext ? (
                <span className="font-medium text-wait">
                  {status === 'HELD' ? 'held' : nextAttemptAt ? <Countdown to={nextAttemptAt} /> : 'now'}
                </span>
              ) : (
                <Planned number={number} at={plannedAt(number)} before={plannedAt(number - 1)} />
              )}
            </li>
          )
        })}
      </ol>
      <p className="mt-1 text-xs text-ink-3">
        {attemptCount} of at most {maxAttempts} {maxAttempts === 1 ? 'attempt' : 'attempts'}
        {event.test && '; tests are not retried'}
      </p>
    </section>
  )
}

/** The earliest time of an attempt, if those before it fail. */
function Planned({ number, at, before }: { number: number; at: string | undefined; before: string | undefined }) {
  return (
    <>
      <span className="sr-only">
        Attempt {number}, if it is needed{at && ', not before'}
      </span>
      {at && (
        <time dateTime={at} title={`Not before\n${formatFullMoment(at)}`} className="tabular-nums">
          {formatMoment(at)}
        </time>
      )}
      {at && before && <span aria-hidden>+{formatSpan(Date.parse(at) - Date.parse(before))}</span>}
    </>
  )
}

const RUNGS = {
  good: 'border-good bg-good-bg text-good',
  bad: 'border-bad bg-bad-bg text-bad',
  next: 'border-wait bg-wait-bg text-wait border-2',
  left: 'border-dashed border-line-strong text-ink-3',
}

function Rung({ tone, children }: { tone: keyof typeof RUNGS; children: React.ReactNode }) {
  return (
    <span className={classes('flex size-6 items-center justify-center rounded-full border', RUNGS[tone])}>
      {children}
    </span>
  )
}
