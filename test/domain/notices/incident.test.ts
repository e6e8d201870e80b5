import { describe, expect, test } from 'vitest'
import {
  type IncidentKind,
  type OpenIncident,
  planIncidents,
  type TakenReport,
} from '../../../src/domain/notices/incident.ts'

const AT = new Date('2026-11-23T12:00:00.000Z')
const TIME = AT.toISOString()
const OF = { tenantId: 'tenant', endpointId: 'crm' }

const REPORTS = {
  warning: {
    kind: 'endpoint.warning',
    details: {
      failingSince: TIME,
      lastSuccessAt: null,
      consecutiveFailures: 9,
      failedDeliveries: 3,
      disablesAt: null,
      again: false,
    },
  },
  disabled: { kind: 'endpoint.disabled', details: { reason: 'failing' } },
  recovered: { kind: 'endpoint.recovered', details: { failedSince: TIME, recoveredAt: TIME } },
  deadLetters: { kind: 'dead_letters.counted', details: { count: 4 } },
  backlog: { kind: 'backlog.growing', details: { oldestDueAt: TIME, waitingCount: 3 } },
  oldSecret: { kind: 'signing_secret.rotation_due', details: { secretCreatedAt: TIME, ageDays: 400 } },
} as const
type Name = keyof typeof REPORTS

const report = (name: Name, endpointId = 'crm') => ({ ...OF, endpointId, at: AT, ...REPORTS[name] }) as TakenReport
const open = (kind: IncidentKind): OpenIncident => ({ id: `open ${kind}`, kind, ...OF })

function planOf(opened: IncidentKind[], reports: TakenReport[]) {
  let id = 0
  const planned = planIncidents(opened.map(open), reports, () => `new ${++id}`)
  return {
    begun: planned.begun.map(({ kind }) => kind),
    replaced: [...planned.replaced].sort(),
    deadLetters: Object.fromEntries(planned.deadLetters),
  }
}

type Case = { name: string; open: IncidentKind[]; reports: Name[]; plan: Partial<ReturnType<typeof planOf>> }

const CASES: Case[] = [
  { name: 'a warning begins an incident', open: [], reports: ['warning'], plan: { begun: ['endpoint.failing'] } },
  {
    name: 'warnings of one endpoint begin one incident',
    open: [],
    reports: ['warning', 'warning'],
    plan: { begun: ['endpoint.failing'] },
  },
  {
    name: 'a warning of a known incident begins nothing',
    open: ['endpoint.failing'],
    reports: ['warning'],
    plan: { begun: [] },
  },
  { name: 'a recovery begins nothing', open: [], reports: ['recovered'], plan: { begun: [] } },
  {
    name: 'disabling takes the place of what was told before',
    open: ['endpoint.failing', 'signing_secret.rotation_due'],
    reports: ['disabled'],
    plan: { begun: ['endpoint.disabled'], replaced: ['open endpoint.failing'] },
  },
  {
    name: 'a warning takes the place of dead letters and of a backlog',
    open: ['dead_letters', 'backlog.growing'],
    reports: ['warning'],
    plan: { begun: ['endpoint.failing'], replaced: ['open backlog.growing', 'open dead_letters'] },
  },
  {
    name: 'a disabled endpoint that was about to be warned of is one incident',
    open: [],
    reports: ['warning', 'disabled'],
    plan: { begun: ['endpoint.failing', 'endpoint.disabled'], replaced: ['new 1'] },
  },
  {
    name: 'dead letters of an endpoint that works begin an incident and are counted in it',
    open: [],
    reports: ['deadLetters', 'deadLetters'],
    plan: { begun: ['dead_letters'], deadLetters: { 'new 1': 8 } },
  },
  {
    name: 'dead letters of an endpoint that fails are counted in that incident',
    open: ['endpoint.failing'],
    reports: ['deadLetters'],
    plan: { begun: [], deadLetters: { 'open endpoint.failing': 4 } },
  },
  {
    name: 'a backlog of an endpoint that fails begins nothing',
    open: ['endpoint.failing'],
    reports: ['backlog'],
    plan: { begun: [] },
  },
  {
    name: 'the next old secret takes the place of the one before',
    open: ['signing_secret.rotation_due'],
    reports: ['oldSecret'],
    plan: { begun: ['signing_secret.rotation_due'], replaced: ['open signing_secret.rotation_due'] },
  },
]

describe('incidents', () => {
  test.each(CASES)('$name', ({ open: opened, reports, plan: expected }) => {
    expect(
      planOf(
        opened,
        reports.map((name) => report(name)),
      ),
    ).toEqual({
      begun: [],
      replaced: [],
      deadLetters: {},
      ...expected,
    })
  })

  test('a second warning whose incident has ended meanwhile begins nothing', () => {
    const again = report('warning')
    expect(planOf([], [{ ...again, details: { ...again.details, again: true } } as TakenReport]).begun).toEqual([])
  })

  test('incidents of two endpoints have nothing to do with each other', () => {
    expect(planOf(['endpoint.failing'], [report('warning', 'other'), report('deadLetters', 'third')])).toMatchObject({
      begun: ['endpoint.failing', 'dead_letters'],
      replaced: [],
    })
  })

  test('the network of the gateway is one incident of no tenant', () => {
    const failing: TakenReport = { kind: 'network.failing', tenantId: null, endpointId: null, details: {}, at: AT }
    expect(planOf([], [failing, failing]).begun).toEqual(['network.failing'])
  })
})
