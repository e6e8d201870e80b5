// The incidents that notices tell of: one message when an incident begins, one when it ends. Reports begin incidents; whether
// one is over shows in the tables (`gateway/notices/incidents.ts`). Pure.
//
// An endpoint that fails is one incident, also when many deliveries become dead letters: they are counted. When the gateway
// disables it, the incident `endpoint.disabled` takes the place of what was told before, without a message of its end.

import type { IdSource } from '../values/id.ts'
import type { Report } from './report.ts'

export type IncidentKind =
  | 'endpoint.failing'
  | 'endpoint.disabled'
  | 'dead_letters'
  | 'backlog.growing'
  | 'signing_secret.rotation_due'
  | 'network.failing'

/** An incident that has not ended. `tenantId` and `endpointId` null: the gateway itself. */
export type OpenIncident = {
  readonly id: string
  readonly kind: IncidentKind
  readonly tenantId: string | null
  readonly endpointId: string | null
}

export type NewIncident = OpenIncident & {
  readonly beganAt: Date
  readonly details: Readonly<Record<string, unknown>>
}

export type IncidentPlan = {
  readonly begun: readonly NewIncident[]
  /** Ids of incidents whose place another one takes. */
  readonly replaced: readonly string[]
  /** Dead letters to add to incidents, also to new ones, by id. */
  readonly deadLetters: ReadonlyMap<string, number>
}

export type TakenReport = Report & {
  readonly at: Date
  /** More facts for the message, such as why the last attempt failed. */
  readonly facts?: Readonly<Record<string, unknown>>
}

const KIND_OF: { readonly [kind: string]: IncidentKind } = {
  'endpoint.warning': 'endpoint.failing',
  'endpoint.disabled': 'endpoint.disabled',
  'dead_letters.counted': 'dead_letters',
  'backlog.growing': 'backlog.growing',
  'signing_secret.rotation_due': 'signing_secret.rotation_due',
  'network.failing': 'network.failing',
}

/** What an incident of a kind is part of, if such a one is open. */
const COVERED_BY: Record<IncidentKind, readonly IncidentKind[]> = {
  'endpoint.failing': ['endpoint.failing', 'endpoint.disabled'],
  'endpoint.disabled': ['endpoint.disabled'],
  dead_letters: ['endpoint.disabled', 'endpoint.failing', 'dead_letters'],
  'backlog.growing': ['endpoint.disabled', 'endpoint.failing', 'backlog.growing'],
  'signing_secret.rotation_due': [],
  'network.failing': ['network.failing'],
}

/** Whose place an incident of a kind takes. */
const REPLACES: Record<IncidentKind, readonly IncidentKind[]> = {
  'endpoint.failing': ['dead_letters', 'backlog.growing'],
  'endpoint.disabled': ['endpoint.failing', 'dead_letters', 'backlog.growing'],
  dead_letters: [],
  'backlog.growing': [],
  'signing_secret.rotation_due': ['signing_secret.rotation_due'],
  'network.failing': [],
}

/** Decides what reports begin. `open` are the open incidents of the endpoints concerned, and of the gateway itself. */
export function planIncidents(
  open: readonly OpenIncident[],
  reports: readonly TakenReport[],
  newId: IdSource,
): IncidentPlan {
  let now = [...open]
  const begun: NewIncident[] = []
  const replaced: string[] = []
  const deadLetters = new Map<string, number>()
  for (const report of reports) {
    const kind = KIND_OF[report.kind]
    if (!kind) continue
    const { tenantId, endpointId, at, facts } = report
    const ofEndpoint = now.filter((each) => each.endpointId === endpointId)
    const covering = COVERED_BY[kind].map((name) => ofEndpoint.find((each) => each.kind === name)).find(Boolean)
    let id = covering?.id
    // It belongs to an incident that has ended meanwhile.
    if (id === undefined && report.kind === 'endpoint.warning' && report.details.again) continue
    if (id === undefined) {
      const incident: NewIncident = {
        id: newId(),
        kind,
        tenantId,
        endpointId,
        beganAt: at,
        details: { ...report.details, ...facts },
      }
      const taken = new Set(ofEndpoint.filter((each) => REPLACES[kind].includes(each.kind)).map((each) => each.id))
      replaced.push(...taken)
      now = [...now.filter((each) => !taken.has(each.id)), incident]
      begun.push(incident)
      id = incident.id
    }
    if (report.kind === 'dead_letters.counted') deadLetters.set(id, (deadLetters.get(id) ?? 0) + report.details.count)
  }
  return { begun, replaced, deadLetters }
}
