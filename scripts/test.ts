// Runs every check and test, the fastest first. Stops at the first failure and names it.
// With arguments it runs only the tests and passes the arguments to vitest: npm test -- test/domain

import { spawn } from 'node:child_process'
import { readFile, realpath } from 'node:fs/promises'
import { constants } from 'node:os'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')
/** Made from other files, and committed so that a change is a diff. */
const GENERATED = ['schema.graphql', 'packages/verify/src/generated/events.ts']

type Step = { name: string; run: () => Promise<Result> }
/** An exit code, or a sentence that says what is wrong. */
type Result = number | string

const steps: Step[] = [
  { name: 'generated files', run: checkGeneratedFiles },
  { name: 'format and lint', run: () => program('biome', ['check', '--error-on-warnings', '.']) },
  { name: 'types', run: () => program('tsc', []) },
  { name: 'types of the console', run: () => program('tsc', ['-p', 'console']) },
  { name: 'unused code', run: () => program('knip', []) },
  { name: 'code that only tests use', run: () => program('knip', ['--production']) },
  { name: 'tests', run: () => program('vitest', ['run']) },
]

// The running program also gets Ctrl-C from the terminal. Only prevent the next one from starting.
let endedBy: NodeJS.Signals | null = null
let running: ReturnType<typeof spawn> | null = null
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (endedBy) return
    endedBy = signal
    running?.kill(signal)
  })
}

process.chdir(ROOT)
const args = process.argv.slice(2)
process.exitCode = args.length > 0 ? Number(await program('vitest', ['run', ...args])) : await runAll(steps)

async function runAll(all: readonly Step[]): Promise<number> {
  for (const [index, { name, run }] of all.entries()) {
    const startedAt = performance.now()
    const result = await run()
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    if (endedBy) return 128 + constants.signals[endedBy]
    if (result !== 0) {
      if (typeof result === 'string') console.error(result)
      console.error(`\n✗ ${name} failed after ${seconds} s (step ${index + 1} of ${all.length})`)
      return typeof result === 'number' ? result : 1
    }
    // The tests print their own summary at the end.
    if (index < all.length - 1) console.log(`✓ ${name} (${seconds} s)`)
  }
  return 0
}

/** Generates all generated files again. The committed ones must not change. */
async function checkGeneratedFiles(): Promise<Result> {
  const read = () => Promise.all(GENERATED.map((path) => readFile(join(ROOT, path), 'utf8').catch(() => null)))
  const before = await read()
  const generators: [file: string, args: string[]][] = [
    [await binary('prisma'), ['generate']],
    [join(ROOT, 'scripts/print-schema.ts'), []],
    [join(ROOT, 'scripts/print-event-types.ts'), []],
    [await binary('graphql-codegen'), ['--silent']],
  ]
  for (const [file, args] of generators) {
    const code = await node(file, args, { quiet: true })
    if (code !== 0) return code
  }
  const after = await read()
  const changed = GENERATED.filter((_, at) => after[at] !== before[at])
  if (changed.length === 0) return 0
  return `Expected ${changed.join(' and ')} as the code generates it, got another version. It is correct now: check the difference and commit it.`
}

async function program(name: string, args: string[]): Promise<number> {
  return node(await binary(name), args)
}

/** The program of a package, by npm's link. Our Node runs it, independent of the first line of the file. */
function binary(name: string): Promise<string> {
  return realpath(join(ROOT, 'node_modules/.bin', name))
}

function node(file: string, args: string[], { quiet = false } = {}): Promise<number> {
  return new Promise((done, failed) => {
    if (endedBy) return done(128 + constants.signals[endedBy])
    const child = spawn(process.execPath, [file, ...args], { stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' })
    running = child
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk))
    child.once('error', failed)
    child.once('close', (code, signal) => {
      running = null
      const exitCode = code ?? 128 + constants.signals[signal!]
      if (exitCode !== 0 && said) console.error(said.trimEnd())
      done(exitCode)
    })
  })
}
