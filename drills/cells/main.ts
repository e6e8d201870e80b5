// A tenant moves from one cell to another under load. The command that moves it is killed at every step and started again;
// gateway processes and both databases end on the way. With a number, the tenant has so many deliveries before, which were delivered
// or, with the word waiting, wait for their next attempt, and nothing ends: the figures say how long the move takes and how much memory
// it has.

import { setTimeout as delay } from 'node:timers/promises'
import { type ApiAccess, mutate } from '../../harness/api-client.ts'
import type { Drilled } from '../main.ts'
import type { Stand } from '../stand.ts'
import { type DrillReceiver, openReceiver, type Publishers, startPublishers, startReader } from './clients.ts'
import { writeHistory } from './history.ts'
import { type Fault, judge } from './ledger.ts'
import { type CommandRun, runCells } from './mover.ts'
import { planInterruptions, STEPS } from './plan.ts'
import { openTown, type Town } from './town.ts'

const SEED = 1
const LINES = 8
const PER_SECOND = 40
const DELIVERED_WITHIN_MS = 90_000
const MAX_RUNS = 10
const REPEATED = 50

export async function cells(stand: Stand, [many, how]: readonly string[]): Promise<Drilled> {
  const before = many === undefined ? 0 : Number(many)
  if (!Number.isSafeInteger(before) || before < 0) throw new Error(`Expected a number of deliveries, got ${many}.`)
  if (how !== undefined && how !== 'waiting')
    throw new Error(`Expected waiting behind the number, or nothing, got ${how}.`)
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  const town = await openTown(stand)
  const receiver = await openReceiver(stand)
  const moving = await addTenant(town, receiver, before > 0 ? ['moving'] : ['moving', 'moving-in-order'])
  const staying = await addTenant(town, receiver, ['staying'])
  if (before > 0) {
    await writeHistory(town.cells.eu1.databaseUrl, {
      tenantId: moving.id,
      endpointId: moving.endpointIds[0]!,
      deliveries: before,
      wait: how === 'waiting',
    })
    stand.tell(`the tenant has ${before} ${how ?? 'delivered'} deliveries`)
  }
  // Before the publishers: its list is of what comes from now on.
  const reader = await startReader(stand, { url: town.url, key: moving.viewerKey })
  const publishers = startPublishers(stand, {
    name: 'moving',
    route: { url: town.url, key: moving.publisherKey },
    lines: LINES,
    perSecond: PER_SECOND,
  })
  const neighbour = startPublishers(stand, {
    name: 'staying',
    route: { url: town.url, key: staying.publisherKey },
    lines: 2,
    perSecond: 10,
  })
  const delivered = async (of: Publishers, endpoints: readonly string[]) => {
    for (const deadline = Date.now() + DELIVERED_WITHIN_MS; Date.now() < deadline; await delay(1_000))
      if (judge({ acknowledged: of.acknowledged, endpoints, arrivals: receiver.arrivals, faults: [] }, []).lost === 0)
        return
  }
  await delay(3_000)
  stand.tell(`${publishers.acknowledged.size} events were acknowledged; the move begins`)

  const beganMs = performance.now()
  const { faults, killedAt, last } =
    before > 0
      ? { faults: [], killedAt: [], last: await runUntilMoved(stand, town, moving.id) }
      : await interrupt(stand, town, moving.id)
  const movedAfterMs = performance.now() - beganMs
  const map = await runCells({ env: { DATABASE_URL: town.cells.eu1.databaseUrl }, args: ['moved'] })
  await town.reload(map.lines)
  stand.tell('the tenant has moved, and the proxy knows it')
  await delay(5_000)
  await Promise.all([publishers.stop(), neighbour.stop()])
  const keys = [...publishers.acknowledged.keys()]
  for (const key of keys.slice(0, REPEATED)) await publishers.repeat(key)
  await delivered(publishers, moving.endpoints)
  await delivered(neighbour, staying.endpoints)
  // What would come twice, comes now.
  await delay(3_000)
  const book = { arrivals: receiver.arrivals, faults }
  const moved = judge({ ...book, acknowledged: publishers.acknowledged, endpoints: moving.endpoints }, [
    'moving-in-order',
  ])
  const stayed = judge({ ...book, acknowledged: neighbour.acknowledged, endpoints: staying.endpoints }, [])
  const missed = [...publishers.acknowledged.values()].filter((ids) =>
    [...ids].some((id) => !reader.seen.has(id)),
  ).length
  reader.close()
  const wrong =
    moved.lost + moved.duplicatesUnexplained + moved.idsChanged + moved.wrongSignatures + moved.outOfOrder + missed
  const { counts } = publishers
  return {
    passed:
      wrong + stayed.lost + counts.failed + neighbour.counts.failed + neighbour.counts.wrongCell === 0 &&
      reader.resyncs > 0 &&
      (before > 0 || STEPS.every((step) => killedAt.includes(step))),
    figures: {
      proxy: town.proxy,
      killedAt: killedAt.length,
      faults: faults.map(({ what }) => what),
      movedAfterS: Number((movedAfterMs / 1_000).toFixed(1)),
      ...moved,
      failedPublishes: counts.failed,
      refused: { unavailable: counts.unavailable, wrongCell: counts.wrongCell, withoutAnswer: counts.withoutAnswer },
      longestPublishMs: publishers.longestMs,
      neighbour: { ...stayed, longestPublishMs: neighbour.longestMs, refused: neighbour.counts },
      reader: { missed, resyncs: reader.resyncs, connections: reader.connections, refusals: reader.refusals },
      lastRun: figuresOf(last),
    },
  }
}

type Interrupted = { readonly faults: Fault[]; readonly killedAt: string[]; readonly last: CommandRun }

async function interrupt(stand: Stand, town: Town, tenantId: string): Promise<Interrupted> {
  const faults: Fault[] = []
  const killedAt: string[] = []
  for (const { step, killAfterMs, beside } of planInterruptions(SEED)) {
    const run = await runCells({
      ...moveCommand(town, tenantId),
      at: { step, signal: killAfterMs === null ? 'SIGSTOP' : 'SIGKILL', afterMs: killAfterMs ?? 0 },
      async onStep() {
        if (beside) faults.push(await town.end(beside))
      },
    })
    if (run.ended === 'SIGKILL') killedAt.push(step)
    stand.tell(
      `${step}: ${beside ? `${beside.cell}'s ${beside.what} ended, ` : ''}the command ended with ${run.ended} at "${run.lines.at(-1)}"${
        run.said ? `: ${run.said.trim().slice(0, 200)}` : ''
      }`,
    )
  }
  return { faults, killedAt, last: await runUntilMoved(stand, town, tenantId) }
}

async function runUntilMoved(stand: Stand, town: Town, tenantId: string): Promise<CommandRun> {
  for (let n = 1; ; n++) {
    const run = await runCells(moveCommand(town, tenantId))
    stand.tell(`the command ended with ${run.ended}: ${(run.said || run.lines.at(-1) || '').trim().slice(0, 300)}`)
    if (run.ended === 0) return run
    if (n === MAX_RUNS) throw new Error(`Expected the move to end within ${MAX_RUNS} runs.`)
    await delay(500)
  }
}

function moveCommand({ cells: { eu1, us1 } }: Town, tenantId: string) {
  return {
    env: {
      DATABASE_URL: eu1.databaseUrl,
      SIVO_SECRETS_KEY: eu1.secretsKey,
      SIVO_TARGET_DATABASE_URL: us1.databaseUrl,
      SIVO_TARGET_SECRETS_KEY: us1.secretsKey,
    },
    args: ['move', tenantId, '--to', 'us1', '--freeze', '30s'],
  }
}

/** `copyS`: until the first freeze. `frozenS`: until the switch. `arriveS`: until the tenant works at the target. */
function figuresOf({ stepMs, tookMs, peakMb, lines }: CommandRun) {
  const between = (from: string, to: string) => {
    const [a, b] = [stepMs.get(from), stepMs.get(to)]
    return a === undefined || b === undefined ? null : Number(((b - a) / 1_000).toFixed(2))
  }
  return {
    tookS: Number((tookMs / 1_000).toFixed(1)),
    copyS: between('copy', 'freeze'),
    frozenS: between('freeze', 'arrive'),
    compareS: between('compare', 'switch'),
    arriveS: between('arrive', 'leave'),
    leaveS: between('leave', 'guard what left'),
    peakMb,
    said: lines.at(-1),
  }
}

async function addTenant(town: Town, receiver: DrillReceiver, endpoints: readonly string[]) {
  const api: ApiAccess = { url: town.url, key: town.cells.eu1.operatorKey }
  const { tenant } = await mutate<{ tenant: { id: string } }>(api, CREATE_TENANT, { input: { name: endpoints[0] } })
  const endpointIds: string[] = []
  for (const name of endpoints) {
    const { endpoint, signingSecret } = await mutate<{ endpoint: { id: string }; signingSecret: string }>(
      api,
      CREATE_ENDPOINT,
      {
        input: {
          tenantId: tenant.id,
          name,
          url: receiver.url(name),
          ordering: name.endsWith('in-order') ? 'SUBJECT' : 'NONE',
        },
      },
    )
    endpointIds.push(endpoint.id)
    receiver.expectSecret(name, signingSecret)
  }
  const keyOf = async (role: 'PUBLISHER' | 'VIEWER') =>
    (await mutate<{ secret: string }>(api, CREATE_KEY, { input: { tenantId: tenant.id, name: role, role } })).secret
  return {
    id: tenant.id,
    endpoints,
    endpointIds,
    publisherKey: await keyOf('PUBLISHER'),
    viewerKey: await keyOf('VIEWER'),
  }
}

const CREATE_TENANT = `mutation ($input: CreateTenantInput!) {
  createTenant(input: $input) { __typename ... on CreateTenantSuccess { tenant { id } } ... on Error { message } }
}`
const CREATE_ENDPOINT = `mutation ($input: CreateEndpointInput!) {
  createEndpoint(input: $input) { __typename ... on CreateEndpointSuccess { endpoint { id } signingSecret } ... on Error { message } }
}`
const CREATE_KEY = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { __typename ... on CreateApiKeySuccess { secret } ... on Error { message } }
}`
