// Measures how much of the security code its own tests run: the egress guard, the signer, the state machine and the
// vault. Fails if a file has less than 95 % of its lines or branches covered. Run it with npm run cover.

import { glob } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { startVitest } from 'vitest/node'

const ROOT = resolve(import.meta.dirname, '..')
const LEAST = 95
const GUARDS = [
  'src/egress/guarded-*.ts',
  'src/domain/delivery.ts',
  'src/domain/endpoint/url.ts',
  'src/domain/endpoint/header.ts',
  'src/domain/signing/signature.ts',
  'src/domain/signing/secret.ts',
  'src/domain/values/network-address.ts',
  'src/vault.ts',
]
const TESTS = [
  'test/egress/guarded-connect.test.ts',
  'test/egress/guarded-lookup.test.ts',
  'test/domain/values/network-address.test.ts',
  'test/domain/endpoint/url.test.ts',
  'test/domain/endpoint/header.test.ts',
  'test/domain/signing/signature.test.ts',
  'test/domain/signing/secret.test.ts',
  'test/domain/delivery.test.ts',
  'test/vault.test.ts',
]

process.chdir(ROOT)
const guarded = await Promise.all(GUARDS.map((pattern) => Array.fromAsync(glob(pattern))))
const vitest = await startVitest(TESTS, {
  run: true,
  // None of these tests needs the Postgres or the browser of a whole run.
  globalSetup: [],
  coverage: {
    enabled: true,
    include: GUARDS,
    reporter: ['text'],
    thresholds: { lines: LEAST, branches: LEAST, perFile: true },
  },
})
const ran = new Set(vitest.state.getFiles().map(({ filepath }) => relative(ROOT, filepath)))
await vitest.close()

// A file that moved would otherwise leave the measure without a word.
const missing = [...GUARDS.filter((_, at) => guarded[at]!.length === 0), ...TESTS.filter((path) => !ran.has(path))]
if (missing.length > 0) {
  console.error(
    `Expected every file of the lists in scripts/cover-guards.ts, but found nothing at ${missing.join(', ')}. Name the file by its new path.`,
  )
  process.exitCode = 1
}
