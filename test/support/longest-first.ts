import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const ROOT = resolve(import.meta.dirname, '../..')

/**
 * The files that take more than ten seconds on two cores, the longest first. Browsers, processes and waits alternate
 * here, so that few files that compute much run at the same time.
 */
const LONG_FILES = [
  'test/chaos.test.ts',
  'test/story/clean-copy.test.ts',
  'test/faults/workers.test.ts',
  'test/gateway/recover/killed-worker.test.ts',
  'test/faults/database-connections.test.ts',
  'test/dev/postgres.test.ts',
  'test/cli/ingest.test.ts',
  'test/faults/silent-connections.test.ts',
  'test/gateway/deliver/receiver-asks.test.ts',
  'test/console/access.test.ts',
  'test/console/outage.test.ts',
  'test/console/endpoint.test.ts',
  'test/faults/publishing.test.ts',
  'test/security/tenants.test.ts',
  'test/gateway/notices/notices.test.ts',
  'test/console/people.test.ts',
  'test/egress/send-request.test.ts',
  'test/console/lists.test.ts',
  'test/receivers/light.test.ts',
  'test/cli/listen.test.ts',
  'test/server/http.test.ts',
  'test/cli/outbox.test.ts',
  'test/database/watch.test.ts',
  'test/live/restored.test.ts',
  'test/server/graphql/streams.test.ts',
  'test/gateway/retention/retention.test.ts',
  'test/cli/commands.test.ts',
  'test/faults/records.test.ts',
  'test/console/live.test.ts',
  'test/security/graphql.test.ts',
  'test/database/replica.test.ts',
  'test/gateway/deliver/order.test.ts',
  'test/console/search.test.ts',
  'test/security/text.test.ts',
  'test/verify/packed.test.ts',
  'test/console/changes.test.ts',
  'test/gateway/recover/recovery.test.ts',
  'test/live/clients.test.ts',
  'test/console/receiver.test.ts',
  'test/console/numbers.test.ts',
  'test/console/dead-letters.test.ts',
  'test/console/careful.test.ts',
  'test/warm-up.test.ts',
  'test/console/operator.test.ts',
  'test/gateway/move/move-tenant.test.ts',
  'test/gateway/model.test.ts',
  'test/gateway/retry/bulk-retry.test.ts',
  'test/gateway/deliver/slow-receiver.test.ts',
  'test/live/nothing-lost.test.ts',
  'test/faults/claims.test.ts',
  'test/console/tester.test.ts',
  'test/gateway/deliver/probing.test.ts',
  'test/deploy/prometheus.test.ts',
  'test/server/faults.test.ts',
  'test/gateway/deliver/expiry.test.ts',
  'test/console/docs.test.ts',
  'test/security/rewrap.test.ts',
  'test/faults/clock.test.ts',
  'test/server/reconciliation.test.ts',
]

/**
 * Starts the long files first, so that no long file is left when all others have ended. The rest follows in vitest's own
 * order. A group of projects still waits for the end of the group before it.
 */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const missing = LONG_FILES.filter((path) => !existsSync(resolve(ROOT, path)))
    if (missing.length > 0)
      throw new Error(`Expected the tests of ${import.meta.filename} to exist, got none at ${missing.join(', ')}.`)
    const rank = ({ moduleId, project }: TestSpecification) => {
      const place = LONG_FILES.indexOf(relative(ROOT, moduleId))
      return (project.config.sequence.groupOrder + 1) * 1_000 + (place < 0 ? 999 : place)
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
