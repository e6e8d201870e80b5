// Keeps the health of all endpoints, in rounds: adds up what was recorded, tells subscribers which states changed, and looks
// at the endpoints that fail, at backlogs and at old secrets.

import type { Logger } from 'pino'
import type { Context } from '../../context.ts'
import { failingAfterMs } from '../../domain/health/endpoint-health.ts'
import { toPublicId } from '../../domain/values/id.ts'
import { repeat } from '../../waiting.ts'
import { type HealthChange, recordHealth, stampEndpoints } from '../state/endpoint-health.ts'
import { noteReports } from '../state/reports.ts'
import { foldStatistics } from '../statistics/statistics.ts'
import { type Look, watchHealth } from './watch.ts'
import { type BacklogMemory, watchBacklogs } from './watch-backlogs.ts'
import { watchSecrets } from './watch-secrets.ts'

const BETWEEN_ROUNDS_MS = 5_000
const BETWEEN_BACKLOGS_MS = 60_000
const BETWEEN_SECRETS_MS = 3_600_000

/** Adds up the tallies and records what they say of the health of endpoints, on one process at a time. */
export async function foldHealth({ hot, config }: Pick<Context, 'hot' | 'config'>): Promise<void> {
  const changes: HealthChange[] = []
  const afterMs = failingAfterMs(config.retrySchedule)
  await foldStatistics(hot, async (tx, rounds) => {
    changes.push(...(await recordHealth(tx, rounds, afterMs)))
    await noteReports(
      tx,
      rounds
        .filter(({ deadLetters }) => deadLetters > 0)
        .map(({ tenantId, endpointId, deadLetters }) => ({
          kind: 'dead_letters.counted',
          tenantId,
          endpointId,
          details: { count: deadLetters },
        })),
    )
  })
  if (changes.length) await stampEndpoints(hot.unsynced, [...new Set(changes.map(({ endpointId }) => endpointId))])
}

/** Runs rounds until the returned function is called. `ring` tells the change feeds that an endpoint changed. */
export function keepHealth(ctx: Pick<Context, 'hot' | 'config' | 'log'>, ring: () => void): () => Promise<void> {
  const { log, config } = ctx
  const memory: BacklogMemory = new Map()
  const attempt = (work: () => Promise<unknown>, fault: string) =>
    work().catch((error) => log.warn({ err: error }, fault))
  const rounds = [
    repeat(BETWEEN_ROUNDS_MS, async () => {
      await attempt(() => foldHealth(ctx), 'statistics.fold_failed')
      await attempt(async () => {
        const look = await watchHealth(ctx)
        if (look?.disabled.length) ring()
        if (look) tell(log, look)
      }, 'health.watch_failed')
    }),
    repeat(BETWEEN_BACKLOGS_MS, async () => {
      await attempt(async () => {
        for (const id of await watchBacklogs(ctx, memory, config.backlogAfterMs)) log.warn(line(id), 'backlog.growing')
      }, 'health.backlogs_not_watched')
    }),
    repeat(BETWEEN_SECRETS_MS, async () => {
      const { secretRotationDays } = config
      if (secretRotationDays !== null)
        await attempt(() => watchSecrets(ctx, secretRotationDays), 'health.secrets_not_watched')
    }),
  ]
  return async () => {
    await Promise.all(rounds.map((stop) => stop()))
  }
}

const line = (endpointId: string) => ({ endpointId: toPublicId('endpoint', endpointId) })

function tell(log: Logger, { warned, disabled, recovered, braked }: Look): void {
  if (braked !== null) log[braked ? 'error' : 'info']({}, braked ? 'network.failing' : 'network.recovered')
  for (const endpointId of warned) log.warn(line(endpointId), 'endpoint.failing')
  for (const endpointId of disabled) log.warn({ ...line(endpointId), reason: 'failing' }, 'endpoint.disabled')
  for (const endpointId of recovered) log.info(line(endpointId), 'endpoint.recovered')
}
