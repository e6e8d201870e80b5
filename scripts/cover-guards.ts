// Measures how much of the security code its own tests run: the egress guard, the signer, the state machine and the
// vault. Fails if a file has less than 95 % of its lines or branches covered. Run it with npm run cover.

import { spawn } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')
const LEAST = 95
const GUARDS = [
  'src/egress/guarded-*.ts',
  'src/domain/delivery.ts',
  'src/domain/endpoint/{url,header}.ts',
  'src/domain/signing/{signature,secret}.ts',
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

const child = spawn(
  process.execPath,
  [
    await realpath(join(ROOT, 'node_modules/.bin/vitest')),
    'run',
    '--coverage',
    '--coverage.reporter=text',
    ...GUARDS.map((files) => `--coverage.include=${files}`),
    `--coverage.thresholds.lines=${LEAST}`,
    `--coverage.thresholds.branches=${LEAST}`,
    '--coverage.thresholds.perFile',
    ...TESTS,
  ],
  { cwd: ROOT, stdio: 'inherit' },
)
child.once('close', (code) => {
  process.exitCode = code ?? 1
})
