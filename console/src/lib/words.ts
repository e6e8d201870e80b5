// The codes of the API in words. Lists may grow; unknown codes are shown unchanged.

import type { DeliveryStatus, EndpointStatus } from '../gql/graphql.ts'
import { formatMs } from './format.ts'

export const STATUS_WORDS: Record<DeliveryStatus, string> = {
  PENDING: 'Pending',
  HELD: 'Held',
  SUCCEEDED: 'Delivered',
  FAILED: 'Test failed',
  DEAD_LETTERED: 'Dead letter',
  CANCELLED: 'Cancelled',
}

export const ENDPOINT_STATUS_WORDS: Record<EndpointStatus, string> = {
  ACTIVE: 'Active',
  PAUSED: 'Paused',
  DISABLED: 'Disabled',
}

const ERROR_WORDS: Record<string, string> = {
  timeout: 'No response in time',
  dns_failed: 'Host name not found',
  connect_failed: 'No connection',
  tls_failed: 'TLS refused',
  connection_reset: 'Connection broken off',
  invalid_response: 'Not an HTTP response',
  http_status: 'Refused',
  redirect: 'Redirected',
  gone: 'Gone (410)',
  blocked_address: 'Address not allowed',
  record_failed: 'Not recorded',
}

const ERROR_SENTENCES: Record<string, string> = {
  timeout:
    'The status and headers of a response did not come within the time an attempt may take. Answer first, work afterwards.',
  dns_failed: 'The host name of the endpoint could not be resolved. Check its DNS records.',
  connect_failed: 'Nothing accepted the connection. Is the receiver running and reachable from outside?',
  tls_failed:
    'No TLS session came to be: the certificate was refused, or the receiver wants one of the gateway. The cause says which.',
  connection_reset: 'The receiver, or something in front of it, broke the connection off before it had answered.',
  invalid_response:
    'What came back was not the head of an HTTP/1.1 response, or its headers were larger than 16 KiB. The cause says what is wrong.',
  http_status: 'Only a status of 2xx means that the receiver has taken it.',
  redirect: 'Redirects are not followed: put the final URL into the endpoint.',
  gone: 'The receiver wants nothing more. The endpoint was disabled.',
  blocked_address:
    'The host leads to an address or a port that the gateway does not send to, such as a private one. The cause names the setting.',
  record_failed: 'The attempt was made, but what came of it could not be recorded.',
}

const REASON_SENTENCES: Record<string, string> = {
  endpoint_paused: 'Waits: the endpoint is paused.',
  endpoint_disabled: 'Waits: the gateway disabled the endpoint.',
  waits_for_subject: 'Waits: an earlier delivery of its subject has not ended.',
  subject_released: 'It failed for so long that the others of its subject go on without it.',
  endpoint_deleted: 'The endpoint was deleted.',
  cancelled_by_user: 'Somebody cancelled it.',
  filter_changed: 'The filter of the endpoint changed and does not want it.',
  event_erased: 'Somebody erased the event.',
  retries_exhausted: 'Every attempt of the schedule failed.',
  poison: 'It ended the worker that sent it more than once, and was taken out.',
  event_expired: 'The event was too old to be sent: its time to live, or its retention, had ended.',
  resend_failed: 'It was delivered before; sending it again failed.',
}

const REASON_WORDS: Record<string, string> = {
  endpoint_paused: 'Endpoint paused',
  endpoint_disabled: 'Endpoint disabled',
  waits_for_subject: 'Waits for its subject',
  subject_released: 'Subject goes on',
  endpoint_deleted: 'Endpoint deleted',
  cancelled_by_user: 'Cancelled by a person',
  filter_changed: 'Filter changed',
  event_erased: 'Event erased',
  retries_exhausted: 'Retries exhausted',
  poison: 'Taken out of the queue',
  event_expired: 'Event expired',
  resend_failed: 'Sending again failed',
}

const DISABLED_SENTENCES: Record<string, string> = {
  gone: 'The receiver answered 410 Gone.',
  failing: 'It failed for too long.',
}

const TRIGGER_WORDS: Record<string, string> = {
  INITIAL: 'First attempt',
  RETRY: 'Retry',
  MANUAL: 'Manual retry',
  TEST: 'Test',
}

/** A short text for a table, such as "Refused, HTTP 503"; null if nothing failed. */
export function describeOutcome(
  errorCode: string | null | undefined,
  statusCode: number | null | undefined,
): string | null {
  if (!errorCode) return null
  const words = ERROR_WORDS[errorCode] ?? sentenceCase(errorCode)
  return statusCode && errorCode !== 'gone' ? `${words}, HTTP ${statusCode}` : words
}

/** How far an attempt came that has no response, where it did not even come to a connection. */
const WITHOUT_RESPONSE: Record<string, string> = {
  blocked_address: 'Not sent',
  dns_failed: 'No connection',
  connect_failed: 'No connection',
  tls_failed: 'No connection',
}

type AttemptWords = {
  readonly errorCode?: string | null
  readonly errorMessage?: string | null
  readonly statusCode?: number | null
  readonly latencyMs?: number | null
}

/** What came of an attempt, in one sentence. A status that means success is never called refused: then something else failed. */
export function describeAttempt({ errorCode, errorMessage, statusCode, latencyMs }: AttemptWords): string {
  if (!statusCode)
    return `${WITHOUT_RESPONSE[errorCode ?? ''] ?? 'No response'}: ${errorMessage ?? 'the attempt failed.'}`
  const response = `HTTP ${statusCode} after ${formatMs(latencyMs)}`
  if (!errorCode) return `Taken with ${response}.`
  if (statusCode >= 200 && statusCode <= 299)
    return `HTTP ${statusCode} came after ${formatMs(latencyMs)}, but the attempt failed.`
  return `Refused with ${response}.`
}

/** How long an attempt took; a dash if its address was refused before there was anything to wait for. */
export function describeLatency(errorCode: string | null | undefined, ms: number | null | undefined): string {
  return errorCode === 'blocked_address' ? '–' : formatMs(ms)
}

/** What it means and what to do. It stands beside the code and the status, and repeats neither. */
export function explainFailure(errorCode: string, statusCode?: number | null): string {
  if (errorCode === 'http_status' && statusCode) {
    if (statusCode === 401 || statusCode === 403)
      return "The receiver did not accept the request. Check its signature verification and the endpoint's headers."
    if (statusCode === 404) return 'The receiver has nothing at this path. Check the URL of the endpoint.'
    if (statusCode === 413)
      return 'The body is larger than the receiver takes. Set its limit to 1 MB; Express and NestJS stop at 100 KB.'
    if (statusCode === 429) return 'The receiver gets too much at once. Set a rate limit on the endpoint.'
    if (statusCode >= 500) return 'The receiver failed while handling the event. Its own log says why.'
  }
  return ERROR_SENTENCES[errorCode] ?? `The attempt failed: ${sentenceCase(errorCode)}.`
}

/** Why an attempt failed, beside its status. What the receiver said with a status alone is explained; else the cause is known. */
export function whyFailed({ errorCode, errorMessage, statusCode }: AttemptWords): string | null {
  if (errorCode && statusCode && ['http_status', 'redirect', 'gone'].includes(errorCode))
    return explainFailure(errorCode, statusCode)
  return errorMessage ?? null
}

export function explainReason(reason: string): string {
  return REASON_SENTENCES[reason] ?? `${sentenceCase(reason)}.`
}

export function describeReason(reason: string): string {
  return REASON_WORDS[reason] ?? sentenceCase(reason)
}

export function explainDisabled(reason: string | null | undefined): string {
  return reason ? (DISABLED_SENTENCES[reason] ?? `${sentenceCase(reason)}.`) : 'The gateway disabled it.'
}

export function describeTrigger(trigger: string): string {
  return TRIGGER_WORDS[trigger] ?? sentenceCase(trigger)
}

export function describeErrorCode(errorCode: string): string {
  return ERROR_WORDS[errorCode] ?? sentenceCase(errorCode)
}

export const ERROR_CODES = Object.keys(ERROR_WORDS)
export const REASONS = Object.keys(REASON_WORDS)

function sentenceCase(code: string): string {
  const words = code.replaceAll(/[_.]/g, ' ').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
