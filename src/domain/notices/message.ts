// The words of notices: a subject, one sentence for each incident, and the link that opens it in the console. Pure.

import { showCount } from '../values/count.ts'
import { toPublicId } from '../values/id.ts'
import type { IncidentKind } from './incident.ts'

/** What a message is: incidents that begin, incidents that end, or a test. */
export type NoticePhase = 'BEGAN' | 'ENDED' | 'TEST'

/** An incident with the names that a person knows. */
export type ToldIncident = {
  readonly id: string
  readonly kind: IncidentKind
  readonly tenantId: string | null
  readonly tenantName: string | null
  readonly endpointId: string | null
  readonly endpointName: string | null
  readonly endpointUrl: string | null
  /** Who paused, resumed or deleted the endpoint last. */
  readonly changedBy: string | null
  readonly beganAt: Date
  readonly endedAt: Date | null
  /** `paused`, `deleted`, `resumed`; `lasted`: hosts that fail for a day are to blame themselves; others: it got well. */
  readonly endedBecause: string | null
  readonly deadLetters: number
  readonly details: Readonly<Record<string, unknown>>
}

export type NoticeLine = { readonly text: string; readonly link: string | null }

/** A message for people, before it takes the form of a channel. */
export type NoticeMessage = {
  readonly subject: string
  readonly lines: readonly NoticeLine[]
  /** Why it comes, and where to change that. */
  readonly footer: string
}

/** More incidents are counted only. */
const MOST_LINES = 20
const SHORT_NAME = 60

/**
 * Composes one message of all incidents of a phase. `consoleUrl` is where people reach the console, without a slash at the
 * end; null: nobody said so, and there are no links.
 */
export function composeNotice(
  phase: NoticePhase,
  incidents: readonly ToldIncident[],
  consoleUrl: string | null,
): NoticeMessage {
  const footer = `SIVO Webhooks tells you when something begins to fail and when it is over. ${WHERE[phase]}`
  if (phase === 'TEST')
    return {
      subject: 'A test of your notices',
      lines: [{ text: 'This is a test. Notices of incidents arrive like this one.', link: consoleUrl }],
      footer,
    }
  const describe = phase === 'BEGAN' ? describeBegin : describeEnd
  const title = phase === 'BEGAN' ? titleOfBegin : titleOfEnd
  const lines = incidents
    .slice(0, MOST_LINES)
    .map((incident) => ({ text: describe(incident), link: linkTo(incident, consoleUrl) }))
  const more = incidents.length - lines.length
  if (more > 0) lines.push({ text: `And ${more} more.`, link: consoleUrl })
  const subject =
    incidents.length === 1
      ? title(incidents[0]!)
      : `${incidents.length} incidents ${phase === 'BEGAN' ? 'began' : 'are over'}`
  return { subject, lines, footer }
}

const WHERE: Record<NoticePhase, string> = {
  BEGAN: 'Another message comes when this is over.',
  ENDED: 'No further message comes for this.',
  TEST: 'Who is told is set in the console, under Settings, Notices.',
}

/** The page of the endpoint, or the overview. */
function linkTo({ tenantId, endpointId }: ToldIncident, consoleUrl: string | null): string | null {
  if (consoleUrl === null) return null
  if (tenantId === null || endpointId === null) return `${consoleUrl}/`
  return `${consoleUrl}/endpoints/${toPublicId('endpoint', endpointId)}?tenant=${toPublicId('tenant', tenantId)}`
}

function titleOfBegin(incident: ToldIncident): string {
  const name = nameOf(incident, SHORT_NAME)
  switch (incident.kind) {
    case 'endpoint.failing':
      return `${name} fails`
    case 'endpoint.disabled':
      return `${name} is disabled`
    case 'dead_letters':
      return `Dead letters for ${name}`
    case 'backlog.growing':
      return `${name} falls behind`
    case 'signing_secret.rotation_due':
      return `The signing secret of ${name} is old`
    case 'network.failing':
      return 'Most hosts fail'
  }
}

function titleOfEnd(incident: ToldIncident): string {
  const name = nameOf(incident, SHORT_NAME)
  if (incident.endedBecause === 'deleted') return `${name} was deleted`
  if (incident.endedBecause === 'paused') return `${name} was paused`
  switch (incident.kind) {
    case 'endpoint.failing':
      return incident.endedBecause === 'resumed' ? `${name} was resumed or changed` : `${name} works again`
    case 'endpoint.disabled':
      return `${name} was resumed`
    case 'dead_letters':
      return `No more dead letters for ${name}`
    case 'backlog.growing':
      return `${name} has caught up`
    case 'signing_secret.rotation_due':
      return `The signing secret of ${name} was rotated`
    case 'network.failing':
      return incident.endedBecause === 'lasted' ? 'The network no longer counts as failing' : 'Most hosts work again'
  }
}

function describeBegin(incident: ToldIncident): string {
  const { kind, details } = incident
  const name = nameWithHost(incident)
  switch (kind) {
    case 'endpoint.failing': {
      const disables = timeIn(details, 'disablesAt')
      return `${name} has failed since ${timeIn(details, 'failingSince')}: ${causeOf(details)}.${
        disables === null ? '' : ` If it goes on, the gateway disables it on ${disables} or later.`
      }`
    }
    case 'endpoint.disabled': {
      const why =
        details['reason'] === 'gone'
          ? 'because its receiver answered 410'
          : `because it has failed since ${timeIn(details, 'failingSince')}`
      return `${name} was disabled on ${formatTime(incident.beganAt)}, ${why}. Its deliveries are held until somebody resumes it.`
    }
    case 'dead_letters':
      return `Deliveries to ${name} become dead letters since ${formatTime(incident.beganAt)}: their attempts are used up. None follows until somebody retries them.`
    case 'backlog.growing':
      return `${name} takes less than is published: ${countIn(details, 'waitingCount')} deliveries wait, the oldest since ${timeIn(details, 'oldestDueAt')}.`
    case 'signing_secret.rotation_due':
      return `The signing secret of ${name} is ${countIn(details, 'ageDays')} days old. Rotate it.`
    case 'network.failing':
      return `Most hosts fail since ${formatTime(incident.beganAt)}, so the network of the gateway is likely to blame. Until it is over, no endpoint is warned about or disabled.`
  }
}

function describeEnd(incident: ToldIncident): string {
  const { kind, beganAt, endedAt, endedBecause, changedBy, deadLetters } = incident
  const name = nameWithHost(incident)
  const lasted = formatSpan((endedAt ?? beganAt).getTime() - startOf(incident).getTime())
  const many = `${deadLetters} deliveries became dead letters.`
  const dead = deadLetters === 0 ? '' : deadLetters === 1 ? ' 1 delivery became a dead letter.' : ` ${many}`
  const by = changedBy === null ? '' : ` by ${changedBy}`
  if (endedBecause === 'deleted' || endedBecause === 'paused') return `${name} was ${endedBecause}${by}.${dead}`
  switch (kind) {
    case 'endpoint.failing':
      return endedBecause === 'resumed'
        ? `${name} was resumed or got another URL. Its next attempts show whether it works.${dead}`
        : `${name} works again, after ${lasted}.${dead}`
    case 'endpoint.disabled':
      return `${name} was resumed${by}, after ${lasted}.${dead}`
    case 'dead_letters':
      return `No delivery to ${name} became a dead letter for a while.${dead}`
    case 'backlog.growing':
      return `${name} has caught up, after ${lasted}.`
    case 'signing_secret.rotation_due':
      return `The signing secret of ${name} was rotated.`
    case 'network.failing':
      return endedBecause === 'lasted'
        ? `That most hosts fail is no longer put down to the network of the gateway, after ${lasted}. Endpoints that still fail are warned about and disabled again.`
        : `Most hosts work again, after ${lasted}.`
  }
}

/** When it began to fail, which is before it was told. */
function startOf({ beganAt, details }: ToldIncident): Date {
  const since = details['failingSince']
  return typeof since === 'string' ? new Date(since) : beganAt
}

function nameOf({ endpointName, tenantName }: ToldIncident, most: number): string {
  return `${shorten(endpointName ?? 'An endpoint', most)} of ${shorten(tenantName ?? 'a tenant', most)}`
}

function nameWithHost(incident: ToldIncident): string {
  const { endpointUrl } = incident
  return `${nameOf(incident, 200)}${endpointUrl === null ? '' : ` (${new URL(endpointUrl).host})`}`
}

function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}

function causeOf(details: Readonly<Record<string, unknown>>): string {
  const { statusCode, errorCode } = details
  if (typeof statusCode === 'number') return `HTTP ${statusCode}`
  return typeof errorCode === 'string' ? errorCode.replaceAll('_', ' ') : 'no reply'
}

function countIn(details: Readonly<Record<string, unknown>>, key: string): string {
  const value = details[key]
  return typeof value === 'number' ? showCount(value) : 'some'
}

function timeIn(details: Readonly<Record<string, unknown>>, key: string): string | null {
  const value = details[key]
  return typeof value === 'string' ? formatTime(new Date(value)) : null
}

function formatTime(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

/** The two largest units, such as `3 hours 38 minutes`. */
export function formatSpan(ms: number): string {
  const parts: string[] = []
  let left = Math.max(0, ms)
  for (const [unit, unitMs] of UNITS) {
    const count = Math.floor(left / unitMs)
    left -= count * unitMs
    if (count > 0) parts.push(`${count} ${plural(count, unit, `${unit}s`)}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.join(' ') || 'less than a second'
}

function plural(count: number, one: string, many: string): string {
  return count === 1 ? one : many
}
