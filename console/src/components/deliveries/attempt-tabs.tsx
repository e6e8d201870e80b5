import { Link } from '@tanstack/react-router'
import type { AttemptDetailFragment, DeliveryDetailFragment } from '../../gql/graphql.ts'
import { formatBytes, formatMs } from '../../lib/format.ts'
import { describeLatency, describeOutcome, describeTrigger } from '../../lib/words.ts'
import { Code } from '../../ui/code.tsx'
import { Facts } from '../../ui/page.tsx'
import { Empty, Notice } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'

type Attempt = AttemptDetailFragment
type SentEvent = { readonly body?: string | null; readonly payloadDeletedAt?: string | null }
type Header = { readonly name: string; readonly value: string }

function NoAttempt() {
  return <Empty title="No attempt yet">What is sent and answered appears here as soon as the first one was made.</Empty>
}

export function ResponseTab({ attempt }: { attempt: Attempt | null }) {
  if (!attempt) return <NoAttempt />
  const { statusCode, errorCode, errorMessage, responseHeaders } = attempt
  const { responseBody, responseBodyTruncated, responseBodyNote } = attempt
  return (
    <div className="flex flex-col gap-4 p-4">
      <Facts
        facts={[
          ['Attempt', `${attempt.number}, ${describeTrigger(attempt.trigger).toLowerCase()}`],
          ['Sent', <Time key="sent" at={attempt.startedAt} />],
          ['Status', statusCode !== null ? `HTTP ${statusCode}` : 'No response'],
          [
            'Outcome',
            errorCode ? (
              <span key="bad" className="text-bad">
                {describeOutcome(errorCode, null)}
              </span>
            ) : (
              <span key="good" className="text-good">
                Delivered
              </span>
            ),
          ],
          ['Cause', errorMessage],
          ['Latency', describeLatency(errorCode, attempt.latencyMs)],
          [
            'Requests',
            (attempt.requestCount ?? 1) > 1
              ? `${attempt.requestCount}: the receiver gave up an idle connection as the request went out on it, so it was sent again on a fresh one. The receiver may see attempt ${attempt.number} twice.`
              : null,
          ],
        ]}
      />
      {responseBodyTruncated && <Notice tone="info">Only the first 16 KiB of the response are kept.</Notice>}
      {responseBodyNote && <Notice tone="info">{responseBodyNote}</Notice>}
      {responseBody ? (
        <Code label="response body" text={pretty(responseBody)} isJson={isJson(responseBody)} />
      ) : (
        statusCode !== null && <NoResponseBody deletedAt={attempt.responseBodyDeletedAt ?? null} />
      )}
      {responseHeaders && <Headers label="Response headers" headers={responseHeaders} />}
    </div>
  )
}

function NoResponseBody({ deletedAt }: { deletedAt: string | null }) {
  if (deletedAt === null) return <p className="text-ink-3">The response had no body.</p>
  return (
    <p className="text-ink-3">
      The body of the response was deleted with the payload of its event: <Time at={deletedAt} />.
    </p>
  )
}

type RequestTabProps = {
  attempt: Attempt | null
  endpoint: DeliveryDetailFragment['endpoint']
  event: DeliveryDetailFragment['event']
}

export function RequestTab({ attempt, endpoint, event }: RequestTabProps) {
  return (
    <div className="flex flex-col gap-4 p-4">
      <p className="font-mono text-xs [overflow-wrap:anywhere]">
        <span className="font-semibold">POST</span> {attempt?.url ?? endpoint.url}
      </p>
      <Body event={event} />
      {attempt && (
        <Headers
          label="Request headers"
          headers={attempt.requestHeaders}
          note="Values of the endpoint’s own headers are not shown."
        />
      )}
    </div>
  )
}

export function EventTab({ event }: { event: DeliveryDetailFragment['event'] }) {
  return (
    <div className="flex flex-col gap-4 p-4">
      <Facts
        facts={[
          [
            'Id',
            <Link
              key="id"
              to="/events"
              search={{ event: event.id }}
              className="font-mono text-xs text-link hover:underline"
            >
              {event.id}
            </Link>,
          ],
          [
            'Type',
            <Link key="type" to="/catalogue" search={{ type: event.type }} className="text-link hover:underline">
              {event.type}
            </Link>,
          ],
          [
            'Subject',
            event.subject && (
              <span key="subject" className="font-mono text-xs">
                {event.subject}
              </span>
            ),
          ],
          ['Sequence', event.sequence],
          ['Occurred', <Time key="occurred" at={event.occurredAt} />],
          ['Created', <Time key="created" at={event.createdAt} />],
        ]}
      />
      <Body event={event} />
    </div>
  )
}

/** The signed body, indented for reading; or that it was forgotten, and when. */
export function Body({ event: { body, payloadDeletedAt } }: { event: SentEvent }) {
  if (body == null)
    return (
      <Notice tone="info">
        The payload is no longer kept
        {payloadDeletedAt && (
          <>
            {' '}
            (forgotten <Time at={payloadDeletedAt} />)
          </>
        )}
        , so it cannot be sent again. Everything else about it stays.
      </Notice>
    )
  return (
    <div>
      <p className="mb-1 text-xs text-ink-3">
        {formatBytes(new TextEncoder().encode(body).length)} as sent; indented here for reading
      </p>
      <Code label="body" text={pretty(body)} isJson />
    </div>
  )
}

export function Headers({ label, headers, note }: { label: string; headers: readonly Header[]; note?: string }) {
  return (
    <section>
      <h3 className="mb-1 font-semibold">{label}</h3>
      <dl className="rounded-md border border-line">
        {headers.map(({ name, value }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a header may appear twice, and its position does not change
          <div key={index} className="flex gap-3 border-b border-line px-3 py-1 font-mono text-xs last:border-0">
            <dt className="w-40 shrink-0 text-ink-3">{name}</dt>
            <dd className="min-w-0 [overflow-wrap:anywhere]">{value}</dd>
          </div>
        ))}
      </dl>
      {note && <p className="mt-1 text-xs text-ink-3">{note}</p>}
    </section>
  )
}

const STEPS = [
  ['dnsMs', 'DNS', 'bg-chart-c'],
  ['connectMs', 'Connect', 'bg-chart-b'],
  ['tlsMs', 'TLS', 'bg-chart-a'],
  ['firstByteMs', 'Waiting for the response', 'bg-chart-good'],
] as const

export function TimingTab({ attempt, attempts }: { attempt: Attempt | null; attempts: readonly Attempt[] }) {
  if (!attempt) return <NoAttempt />
  const { timing } = attempt
  const slowest = Math.max(...attempts.map(({ latencyMs }) => latencyMs), 1)
  return (
    <div className="flex flex-col gap-5 p-4">
      {timing ? (
        <Waterfall timing={timing} isFailed={attempt.statusCode === null} />
      ) : (
        <p className="text-ink-3">No timing was recorded for this attempt.</p>
      )}
      {attempts.length > 1 && (
        <section>
          <h3 className="mb-1 font-semibold">Latency of each attempt</h3>
          <ul>
            {attempts.map(({ id, number, latencyMs, errorCode }) => (
              <li key={id} className="flex items-center gap-3 py-0.5">
                <span className="w-6 text-right text-ink-3 tabular-nums">{number}</span>
                <span className="h-2 min-w-0.5 flex-1">
                  <span
                    className={`block h-2 rounded-sm ${errorCode ? 'bg-chart-bad' : 'bg-chart-good'}`}
                    style={{ width: `${(latencyMs / slowest) * 100}%` }}
                  />
                </span>
                <span className="w-16 text-right tabular-nums">{formatMs(latencyMs)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  )
}

function Waterfall({ timing, isFailed }: { timing: NonNullable<Attempt['timing']>; isFailed: boolean }) {
  const steps: { name: string; colour: string; startMs: number; ms: number | null }[] = []
  let startMs = 0
  for (const [field, name, colour] of STEPS) {
    const ms = timing[field]
    steps.push({ name, colour, startMs, ms })
    startMs += ms ?? 0
  }
  const rest = Math.max(0, timing.totalMs - startMs)
  if (timing.firstByteMs !== null)
    steps.push({ name: 'Reading the response', colour: 'bg-chart-warn', startMs, ms: rest })
  else if (isFailed) steps.push({ name: 'Until it failed', colour: 'bg-chart-bad', startMs, ms: rest })
  const isReused = timing.connectMs === null && timing.firstByteMs !== null
  return (
    <section>
      <h3 className="mb-1 font-semibold">Where {formatMs(timing.totalMs)} went</h3>
      <ul>
        {steps.map(({ name, colour, startMs: from, ms }) => (
          <li key={name} className="flex items-center gap-3 py-0.5">
            <span className="w-40 shrink-0 text-ink-2">{name}</span>
            <span className="h-2 flex-1 rounded-sm bg-sunken">
              {ms !== null && (
                <span
                  className={`block h-2 min-w-0.5 rounded-sm ${colour}`}
                  style={{ marginLeft: `${(from / timing.totalMs) * 100}%`, width: `${(ms / timing.totalMs) * 100}%` }}
                />
              )}
            </span>
            <span className="w-16 text-right tabular-nums">
              {ms === null ? <span className="text-ink-3">–</span> : formatMs(ms)}
            </span>
          </li>
        ))}
      </ul>
      {isReused && (
        <p className="mt-1 text-xs text-ink-3">The connection was there already: no lookup, connect or handshake.</p>
      )}
    </section>
  )
}

function isJson(text: string): boolean {
  return /^\s*[[{]/.test(text)
}

/** Indents JSON. Numbers stay as they were written, because the text is not parsed into values. */
function pretty(text: string): string {
  if (!isJson(text) || text.length > 300_000) return text
  let out = ''
  let depth = 0
  for (const [token] of text.matchAll(/"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '{' || token === '[') {
      depth++
      out += `${token}\n${'  '.repeat(depth)}`
    } else if (token === '}' || token === ']') {
      depth = Math.max(0, depth - 1)
      out = /[{[]\s*$/.test(out) ? out.trimEnd() + token : `${out}\n${'  '.repeat(depth)}${token}`
    } else if (token === ',') out += `,\n${'  '.repeat(depth)}`
    else if (token === ':') out += ': '
    else out += token
  }
  return out
}
