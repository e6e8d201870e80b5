// Runs the field suite: real parts that are too heavy for `npm test`. Arguments go to vitest:
//
//   npm run field                                 everything; a part whose program is missing is skipped by name
//   npm run field -- test/field/java.test.ts      one file

import { spawn } from 'node:child_process'
import { realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')

process.chdir(ROOT)
const vitest = await realpath(join(ROOT, 'node_modules/.bin/vitest'))
const args = [vitest, 'run', '--config', 'vitest.field.config.ts', ...process.argv.slice(2)]
const child = spawn(process.execPath, args, { stdio: 'inherit' })
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
child.once('close', (code) => {
  process.exitCode = code ?? 1
})
