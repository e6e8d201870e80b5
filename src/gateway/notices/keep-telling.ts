// Tells people and receivers what happened, in rounds: takes the reports, ends the incidents that are over, and sends the
// notices that wait.

import type { Context } from '../../context.ts'
import { repeat } from '../../waiting.ts'
import { endIncidents } from './incidents.ts'
import { ensureOperators } from './operators.ts'
import { type Channels, createPostman } from './post-notices.ts'
import { MOST_REPORTS, takeReports } from './take-reports.ts'

const BETWEEN_REPORTS_MS = 1_000
const BETWEEN_ENDS_MS = 5_000
const BETWEEN_POSTS_MS = 1_000

/** Works in rounds until the returned function is called. */
export function keepTelling(ctx: Context, channels: Channels): () => Promise<void> {
  const postman = createPostman(ctx, channels)
  const attempt = (work: () => Promise<unknown>, fault: string) =>
    work().catch((error) => ctx.log.warn({ err: error }, fault))
  let hasOperators = false
  let stopping = false
  const rounds = [
    repeat(BETWEEN_REPORTS_MS, async () => {
      await attempt(async () => {
        if (!hasOperators) await ensureOperators(ctx)
        hasOperators = true
        while (!stopping && (await takeReports(ctx)) === MOST_REPORTS);
      }, 'reports.not_taken')
    }),
    repeat(BETWEEN_ENDS_MS, async () => {
      await attempt(() => endIncidents(ctx), 'incidents.not_ended')
    }),
    repeat(BETWEEN_POSTS_MS, async () => {
      await attempt(() => postman.postDue(() => stopping), 'notices.not_posted')
    }),
  ]
  return async () => {
    stopping = true
    await Promise.all(rounds.map((stop) => stop()))
  }
}
