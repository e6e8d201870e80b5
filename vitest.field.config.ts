// `npm run field`: real clients, receivers, proxies and databases that are too heavy for `npm test`. One file runs at a
// time, because each starts programs of its own.

import { defineConfig } from 'vitest/config'
import tests from './vitest.config.ts'

export default defineConfig({
  ...tests,
  test: {
    ...tests.test,
    projects: undefined,
    name: 'field',
    include: ['test/field/**/*.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    maxWorkers: 1,
    fileParallelism: false,
  },
})
