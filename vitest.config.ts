import { defineConfig } from 'vitest/config'

/** These tests wait for a browser more than they compute. */
const BROWSER = ['test/console/**/*.test.ts']

/** These tests measure killed processes or whole clones. They run one at a time. */
const ALONE = [
  'test/chaos.test.ts',
  'test/faults/workers.test.ts',
  'test/gateway/{killed-worker,bulk-retry-killed,lanes}.test.ts',
  'test/story/**/*.test.ts',
]

export default defineConfig({
  // Vite would add `development`, which Node does not use: GraphQL would then be loaded twice.
  ssr: { resolve: { conditions: ['module', 'node'] } },
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Some guarantees are times, and a shared machine may stop for a moment. There such a test may run a second time.
    retry: process.env['CI'] ? 1 : 0,
    reporters: ['default'],
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['src/generated/**'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: [...ALONE, ...BROWSER, 'test/field/**'],
          // More than the two cores that the tests must do with: many of them wait for limits of time.
          maxWorkers: 4,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'browser', include: BROWSER, maxWorkers: 3, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, maxWorkers: 1, fileParallelism: false, sequence: { groupOrder: 2 } },
      },
    ],
  },
})
