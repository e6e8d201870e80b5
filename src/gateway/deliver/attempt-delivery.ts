// One attempt of one delivery: sign, send, decide. Each stage takes what the stage before it made. Nothing here uses the
// database. A refusal of the receiver is an outcome, never an exception.

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import type { DeliveryStep } from '../../domain/delivery/progress.ts'
import { next, type Policy, type RetryState, type Step } from '../../domain/delivery.ts'
import { judge, type Outcome, type SendResult } from '../../domain/outcome.ts'
import { makeSigningSecret } from '../../domain/signing/secret.ts'
import { signBody, signingKeys } from '../../domain/signing/signature.ts'
import { claimedTime, type TestSignature } from '../../domain/signing/test-signature.ts'
import { readTraceparent, type TraceSpan, type Tracing } from '../../domain/trace.ts'
import { toPublicId } from '../../domain/values/id.ts'
import type { AttemptTrigger } from '../../generated/prisma/enums.ts'
import type { ClaimedDelivery } from './claimed-delivery.ts'
import type { EndpointTarget } from './targets.ts'

const MASKED = '••••••'

export type Send = (request: {
  url: string
  headers: readonly string[]
  body: Buffer
  signal?: AbortSignal
  onStep?: (step: DeliveryStep, atMs: number) => void
}) => Promise<SendResult>

export type AttemptTools = {
  readonly send: Send
  readonly clock: Clock
  readonly random: () => number
  readonly policy: Policy
  readonly userAgent: string
  readonly tracing?: Tracing | null
  /** Called for each step of a test event's attempt, and for no other attempt. */
  readonly onTestStep?: (of: { deliveryId: string; attempt: number }, step: DeliveryStep, atMs: number) => void
  /** Ends the attempts in the air when the process must leave. */
  readonly signal: AbortSignal
}

export type Attempt = {
  readonly number: number
  readonly trigger: AttemptTrigger
  readonly startedAt: Date
  readonly url: string
  /** As sent, but with the values of the endpoint's own headers masked. */
  readonly requestHeaders: [string, string][]
  readonly sent: SendResult
}

export type AttemptResult = { readonly attempt: Attempt; readonly outcome: Outcome; readonly step: Step }

export type AttemptInput = {
  readonly delivery: ClaimedDelivery
  readonly target: EndpointTarget
  readonly body: Buffer
  /** Other than VALID for a test that must be refused. */
  readonly signature?: TestSignature
}

/** Makes the attempt. null: it was cut off because this process leaves; that says nothing about the receiver. */
export async function attemptDelivery(
  tools: AttemptTools,
  { delivery, target, body, signature = 'VALID' }: AttemptInput,
): Promise<AttemptResult | null> {
  const startedAt = tools.clock.now()
  const number = delivery.attemptCount + 1
  const span = beginSpan(tools, delivery, number)
  const own = ownHeaders(delivery, { number, startedAt, body, target, signature, userAgent: tools.userAgent })
  if (span) own.push('traceparent', span.traceparent)
  const theirs = span ? withoutHeader(target.headers, 'traceparent') : target.headers
  const sent = await tools.send({
    url: target.url,
    headers: own.concat(theirs),
    body,
    signal: tools.signal,
    ...(delivery.test && watched(tools, delivery.id, number)),
  })
  if (sent.aborted) {
    span?.end({ error: 'cut_off' })
    return null
  }
  const outcome = judge(sent, tools.clock.now())
  span?.end({
    error: outcome.errorCode,
    attributes: outcome.statusCode === null ? {} : { 'http.response.status_code': outcome.statusCode },
  })
  return {
    attempt: {
      number,
      trigger: triggerOf(delivery),
      startedAt,
      url: target.url,
      requestHeaders: pairs(own).concat(masked(theirs)),
      sent,
    },
    outcome,
    step: next(stateOf(delivery), outcome, tools.policy, tools.random()),
  }
}

/** What decides the next step of a delivery that was in the air. */
export function stateOf({ test, resend, attemptCount, cycleStart, maxAttempts }: ClaimedDelivery): RetryState {
  return { status: 'PENDING', test, resend, attemptCount, cycleStart, maxAttempts }
}

/** Every attempt of an event has a span of its own below the publish, if this process traces. */
function beginSpan({ tracing }: AttemptTools, delivery: ClaimedDelivery, number: number): TraceSpan | null {
  if (!tracing) return null
  return tracing.attempt(readTraceparent(delivery.traceContext), {
    'http.request.method': 'POST',
    'sivo.event.type': delivery.eventType,
    'sivo.event.id': toPublicId('event', delivery.eventId),
    'sivo.delivery.id': toPublicId('delivery', delivery.id),
    'sivo.endpoint.id': toPublicId('endpoint', delivery.endpointId),
    'sivo.attempt': number,
  })
}

/** Of a flat list of names and values, without those of this name. */
function withoutHeader(headers: readonly string[], name: string): readonly string[] {
  return pairs(headers)
    .filter(([given]) => given.toLowerCase() !== name)
    .flat()
}

function watched(
  { onTestStep }: AttemptTools,
  deliveryId: string,
  attempt: number,
): Pick<Parameters<Send>[0], 'onStep'> {
  return onTestStep ? { onStep: (step, atMs) => onTestStep({ deliveryId, attempt }, step, atMs) } : {}
}

function ownHeaders(
  delivery: ClaimedDelivery,
  request: {
    number: number
    startedAt: Date
    body: Buffer
    target: EndpointTarget
    signature: TestSignature
    userAgent: string
  },
): string[] {
  const eventId = toPublicId('event', delivery.eventId)
  const timestamp = Math.floor(claimedTime(request.signature, request.startedAt).getTime() / 1000)
  const secrets =
    request.signature === 'WRONG'
      ? { current: signingKeys(makeSigningSecret(randomBytes)) }
      : request.target.secretsAt(request.startedAt)
  return [
    'content-type',
    'application/json',
    'User-Agent',
    request.userAgent,
    'X-Sivo-Event-Id',
    eventId,
    'X-Sivo-Event-Type',
    delivery.eventType,
    'X-Sivo-Delivery-Id',
    toPublicId('delivery', delivery.id),
    'X-Sivo-Attempt',
    String(request.number),
    'X-Sivo-Timestamp',
    String(timestamp),
    ...signBody({ body: request.body, secrets, eventId, timestamp }),
  ]
}

function triggerOf(delivery: ClaimedDelivery): AttemptTrigger {
  if (delivery.test) return 'TEST'
  if (delivery.manual) return 'MANUAL'
  return delivery.attemptCount === 0 ? 'INITIAL' : 'RETRY'
}

function masked(flat: readonly string[]): [string, string][] {
  return pairs(flat).map(([name]) => [name, MASKED])
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) list.push([flat[i]!, flat[i + 1]!])
  return list
}
