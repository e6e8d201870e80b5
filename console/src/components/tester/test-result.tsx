// The result of a test while it happens: each step of its attempt, and then the reply.

import { Check, Circle, LoaderCircle, Minus, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { fetchQuery, graphql } from '../../api/client.ts'
import { asFault, type Fault } from '../../api/faults.ts'
import { useStream } from '../../api/live.ts'
import type { SentTest } from '../../api/send-test.ts'
import type { DeliveryStep, TestOutcomeFragment } from '../../gql/graphql.ts'
import { formatMs } from '../../lib/format.ts'
import { useOpenDelivery } from '../../lib/open-delivery.ts'
import { describeAttempt, explainFailure } from '../../lib/words.ts'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { Code } from '../../ui/code.tsx'
import { Failed, Notice } from '../../ui/states.tsx'
import { DeliveryStatusBadge } from '../deliveries/status.tsx'

graphql(`
  fragment TestOutcome on Delivery {
    id
    status
    lastStatusCode
    lastErrorCode
    attempts {
      id
      number
      latencyMs
      url
      statusCode
      errorCode
      errorMessage
      requestHeaders {
        name
        value
      }
      responseBody
      responseBodyTruncated
      responseBodyNote
    }
  }
`)

const OUTCOME = graphql(`
  query TestOutcomeOf($id: ID!) {
    delivery(id: $id) {
      ...TestOutcome
    }
  }
`)

const PROGRESS = graphql(`
  subscription TestProgress($deliveryId: ID!) {
    deliveryProgress(deliveryId: $deliveryId) {
      step
      atMs
    }
  }
`)

export type TestOutcome = TestOutcomeFragment

const STEPS: readonly [DeliveryStep, string][] = [
  ['DNS', 'Host name resolved'],
  ['CONNECT', 'Connected'],
  ['TLS', 'TLS agreed'],
  ['REQUEST_SENT', 'Request sent'],
  ['FIRST_BYTE', 'First byte of the response'],
  ['DONE', 'Done'],
]
const ASK_AGAIN_MS = 1_000

/** Follows a test to its end. Calls `onOutcome` once, with the outcome. */
export function useTest(test: SentTest, onOutcome?: (outcome: TestOutcome) => void) {
  const [steps, setSteps] = useState<ReadonlyMap<DeliveryStep, number>>(new Map())
  const [outcome, setOutcome] = useState<TestOutcome | null>(null)
  const [fault, setFault] = useState<Fault | null>(null)
  const [asks, setAsks] = useState(0)

  const refused = useStream(
    PROGRESS,
    { deliveryId: test.deliveryId },
    {
      next: ({ deliveryProgress: { step, atMs } }) => setSteps((before) => new Map(before).set(step, atMs)),
      ended: () => setAsks((count) => count + 1),
      // Without a connection that can push, poll for the result.
      poll: async () => setAsks((count) => count + 1),
    },
  )

  // biome-ignore lint/correctness/useExhaustiveDependencies: the outcome is reported once, to the current callback
  useEffect(() => {
    if (asks === 0 && !refused) return
    let isOver = false
    let timer: ReturnType<typeof setTimeout>
    const ask = async () => {
      try {
        const { delivery } = await fetchQuery(OUTCOME, { id: test.deliveryId })
        if (isOver) return
        setFault(null)
        if (!delivery || delivery.status === 'PENDING') timer = setTimeout(ask, ASK_AGAIN_MS)
        else {
          setOutcome(delivery)
          onOutcome?.(delivery)
        }
      } catch (error) {
        if (!isOver) setFault(asFault(error))
      }
    }
    void ask()
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [asks, refused, test.deliveryId])

  return { steps, outcome, fault, retry: () => setAsks((count) => count + 1) }
}

export function TestResult({ test, onOutcome }: { test: SentTest; onOutcome?: (outcome: TestOutcome) => void }) {
  const { steps, outcome, fault, retry } = useTest(test, onOutcome)
  const openDelivery = useOpenDelivery()
  const attempt = outcome?.attempts.at(-1)
  return (
    <section aria-label={`Test with ${test.eventType}`} className="flex flex-col gap-4">
      <header className="flex flex-wrap items-center gap-2">
        <span className="font-mono font-medium">{test.eventType}</span>
        {outcome ? (
          <DeliveryStatusBadge status={outcome.status} attemptCount={1} />
        ) : (
          <DeliveryStatusBadge status="PENDING" />
        )}
        <span className="flex-1" />
        <Button size="small" onClick={() => openDelivery(test.deliveryId)}>
          Everything about it
        </Button>
      </header>
      <StepList steps={steps} isOver={outcome !== null} hasFailed={outcome?.status === 'FAILED'} />
      {fault && <Failed fault={fault} onRetry={retry} isSmall />}
      {test.warnings.length > 0 && (
        <ul aria-label="Warnings" className="rounded-md bg-warn-bg px-3 py-2 text-warn">
          {test.warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
      <div aria-live="polite">
        {attempt && (
          <p className={classes('font-medium', outcome?.status === 'SUCCEEDED' ? 'text-good' : 'text-bad')}>
            {describeAttempt(attempt)}
          </p>
        )}
      </div>
      {outcome && attempt && test.signature !== 'VALID' && (
        <Verdict
          signature={test.signature}
          isTaken={outcome.status === 'SUCCEEDED'}
          status={attempt.statusCode ?? null}
        />
      )}
      {attempt?.errorCode && test.signature === 'VALID' && (
        <p className="-mt-2 text-ink-2">{explainFailure(attempt.errorCode, attempt.statusCode)}</p>
      )}
      {attempt?.responseBodyNote && <p className="-mt-2 text-ink-2">{attempt.responseBodyNote}</p>}
      {attempt && <Signature headers={attempt.requestHeaders} />}
      {attempt && attempt.responseBody !== null && attempt.responseBody !== '' && (
        <div>
          <h3 className="mb-1 font-medium">
            Response{attempt.responseBodyTruncated && <span className="text-ink-3">, the first 16 KiB</span>}
          </h3>
          <Code
            text={attempt.responseBody ?? ''}
            label="response"
            isJson={/^\s*[[{]/.test(attempt.responseBody ?? '')}
          />
        </div>
      )}
    </section>
  )
}

type VerdictProps = { signature: 'WRONG' | 'OLD'; isTaken: boolean; status: number | null }

/** What the reply to a forgery or a replay says of the receiver. */
function Verdict({ signature, isTaken, status }: VerdictProps) {
  const isRefusal = status !== null && status >= 400 && status < 500
  const of = signature === 'WRONG' ? 'forgeries' : 'replays'
  const { tone, words } = isTaken
    ? {
        tone: 'bad' as const,
        words:
          signature === 'WRONG'
            ? 'This receiver accepts forgeries: it took a request whose signature nobody could have made with its secret. Verify the signature over the raw body before reading it, and answer 401 where it is wrong.'
            : 'This receiver took a request that claims to be an hour old. It is open to replays, unless it remembers event ids and drops what it knows. Verify webhook-timestamp within five minutes.',
      }
    : isRefusal
      ? {
          tone: 'info' as const,
          words: `This receiver refuses ${of}, with HTTP ${status}. Send one with the right signature too: a receiver that refuses everything proves nothing.`,
        }
      : {
          tone: 'warn' as const,
          words: `No verdict: whether this receiver refuses ${of} shows only in a response of HTTP 4xx or 2xx.`,
        }
  return <Notice tone={tone}>{words}</Notice>
}

function Signature({ headers }: { headers: readonly { readonly name: string; readonly value: string }[] }) {
  const signatures = headers.filter(({ name }) => /^x-sivo-signature/i.test(name))
  if (signatures.length === 0) return null
  return (
    <div className="flex flex-col gap-1">
      <h3 className="font-medium">Signed as</h3>
      {signatures.map(({ name, value }) => (
        <p key={name} className="font-mono text-xs [overflow-wrap:anywhere]">
          <span className="text-ink-3">{name}:</span> {value}
        </p>
      ))}
    </div>
  )
}

type StepListProps = { steps: ReadonlyMap<DeliveryStep, number>; isOver: boolean; hasFailed: boolean }

function StepList({ steps, isOver, hasFailed }: StepListProps) {
  const end = Math.max(1, ...steps.values())
  const wasConnected = steps.has('REQUEST_SENT') && !steps.has('CONNECT')
  // The reply has its own words; before that, the step that did not come is the one that failed.
  const lost = steps.has('FIRST_BYTE')
    ? -1
    : STEPS.findIndex(([step], index) => !steps.has(step) && (index >= 3 || !wasConnected))
  const failedAt = isOver && hasFailed ? lost : -1
  let before = 0
  return (
    <ol aria-label="Steps of the attempt" className="flex flex-col">
      {STEPS.map(([step, words], index) => {
        const at = steps.get(step)
        const isTaken = at !== undefined
        const isSkipped = !isTaken && (index < 3 ? wasConnected || isOver : isOver)
        const isNext = !isTaken && !isSkipped && STEPS.slice(0, index).every(([one]) => steps.has(one) || wasConnected)
        const isFault = (step === 'DONE' && isTaken && hasFailed) || index === failedAt
        const from = before
        if (isTaken) before = at
        return (
          <li key={step} className="grid grid-cols-[20px_168px_1fr_112px] items-center gap-2 py-1">
            {isFault ? (
              <X size={16} className="text-bad" aria-hidden />
            ) : isTaken ? (
              <Check size={16} className="text-good" aria-hidden />
            ) : isSkipped ? (
              <Minus size={16} className="text-ink-3" aria-hidden />
            ) : isNext ? (
              <LoaderCircle size={16} className="animate-spin text-wait" aria-hidden />
            ) : (
              <Circle size={16} className="text-ink-3" aria-hidden />
            )}
            <span className={isTaken || index === failedAt ? '' : 'text-ink-3'}>{words}</span>
            <span className="relative h-2 overflow-hidden rounded bg-sunken" aria-hidden>
              {isTaken && (
                <span
                  className={classes('absolute inset-y-0 rounded', isFault ? 'bg-chart-bad' : 'bg-chart-a')}
                  style={{ left: `${(from / end) * 100}%`, right: `${100 - (at / end) * 100}%`, minWidth: 2 }}
                />
              )}
            </span>
            <span className="text-right whitespace-nowrap text-ink-2 tabular-nums">
              {isTaken ? (
                formatMs(at)
              ) : index === failedAt ? (
                <span className="text-bad">failed</span>
              ) : isSkipped ? (
                index < 3 && wasConnected ? (
                  'open already'
                ) : (
                  'not reached'
                )
              ) : (
                ''
              )}
            </span>
          </li>
        )
      })}
    </ol>
  )
}
