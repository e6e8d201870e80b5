import { defineConfig } from 'vitest/config'
import LongestFirst from './test/support/longest-first.ts'

/** These tests kill processes or prepare a whole clone. Their limits of time need a core each. */
const PAIRED = [
  'test/chaos.test.ts',
  'test/faults/workers.test.ts',
  'test/gateway/recover/killed-worker.test.ts',
  'test/gateway/retry/bulk-retry-killed.test.ts',
  'test/story/**/*.test.ts',
]

/** These tests measure how soon something happens. They run one at a time. */
const ALONE = ['test/gateway/deliver/lanes.test.ts', 'test/console/scroll.test.ts']

export default defineConfig({
  // Vite would add `development`, which Node does not use: GraphQL would then be loaded twice.
  ssr: { resolve: { conditions: ['module', 'node'] } },
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Not the second that vitest gives: four files at once on two cores may take longer for anything.
    expect: { poll: { timeout: 20_000 } },
    // Some guarantees are times, and a shared machine may stop for a moment. There such a test may run a second time.
    retry: process.env['CI'] ? 1 : 0,
    reporters: ['default'],
    sequence: { sequencer: LongestFirst },
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['src/generated/**'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: [...PAIRED, ...ALONE, 'test/field/**'],
          // More than the two cores that the tests must do with: many of them wait for limits of time or a browser.
          maxWorkers: 4,
          // A process runs many files: loading the gateway's code costs more than most of these files do. So each file
          // leaves its process as it found it.
          isolate: false,
          setupFiles: ['test/support/as-found.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'in pairs', include: PAIRED, maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 2 } },
      },
    ],
  },
})
