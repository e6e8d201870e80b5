// Runs every check, and then the tests. Stops at the first failure and names it.
// With arguments it runs only the tests and passes the arguments to vitest: npm test -- test/domain

import { spawn } from 'node:child_process'
import { readFile, realpath } from 'node:fs/promises'
import { constants } from 'node:os'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '..')
/** Made from other files, and committed so that a change is a diff. */
const GENERATED = ['schema.graphql', 'packages/verify/src/generated/events.ts', 'docs/events.md']

type Step = { name: string; run: () => Promise<Result> }
/** An exit code, or a sentence that says what is wrong. */
type Result = number | string

/** The steps of one stage need nothing of each other, and run two at a time. */
const stages: Step[][] = [
  [{ name: 'generated files', run: checkGeneratedFiles }],
  [
    { name: 'typed documents', run: () => program('graphql-codegen', ['--silent'], { quiet: true }) },
    { name: 'format and lint', run: () => program('biome', ['check', '--error-on-warnings', '.'], { quiet: true }) },
  ],
  [
    // It mostly waits for limits of time, and so comes beside the checks that compute.
    { name: 'coverage of the guards', run: () => node(join(ROOT, 'scripts/cover-guards.ts'), [], { quiet: true }) },
    { name: 'types', run: () => program('tsc', [], { quiet: true }) },
    { name: 'types of the console', run: () => program('tsc', ['-p', 'console'], { quiet: true }) },
    { name: 'unused code', run: () => program('knip', [], { quiet: true }) },
    { name: 'code that only tests use', run: () => program('knip', ['--production'], { quiet: true }) },
  ],
  [{ name: 'tests', run: () => program('vitest', ['run']) }],
]
const AT_A_TIME = 2

// The running programs also get Ctrl-C from the terminal. Only prevent the next ones from starting.
let endedBy: NodeJS.Signals | null = null
const running = new Set<ReturnType<typeof spawn>>()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (endedBy) return
    endedBy = signal
    for (const child of running) child.kill(signal)
  })
}

process.chdir(ROOT)
const args = process.argv.slice(2)
process.exitCode = args.length > 0 ? Number(await program('vitest', ['run', ...args])) : await runAll()

async function runAll(): Promise<number> {
  for (const stage of stages) {
    const code = await runStage(stage)
    if (endedBy) return 128 + constants.signals[endedBy]
    if (code !== 0) return code
  }
  return 0
}

/** Runs the steps of a stage. After a failure no other step begins; those that run end. Resolves with the first failure. */
async function runStage(stage: readonly Step[]): Promise<number> {
  const waiting = [...stage]
  let failure = 0
  const runNext = async (): Promise<void> => {
    for (let step = waiting.shift(); step && !failure && !endedBy; step = waiting.shift())
      failure = (await runStep(step)) || failure
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, runNext))
  return failure
}

async function runStep({ name, run }: Step): Promise<number> {
  const startedAt = performance.now()
  const result = await run()
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  if (endedBy) return 0
  if (result !== 0) {
    if (typeof result === 'string') console.error(result)
    console.error(`\n✗ ${name} failed after ${seconds} s`)
    return typeof result === 'number' ? result : 1
  }
  // The tests print their own summary at the end.
  if (name !== 'tests') console.log(`✓ ${name} (${seconds} s)`)
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
    [join(ROOT, 'scripts/print-catalogue.ts'), []],
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

async function program(name: string, args: string[], options: { quiet?: boolean } = {}): Promise<number> {
  return node(await binary(name), args, options)
}

/** The program of a package, by npm's link. Our Node runs it, independent of the first line of the file. */
function binary(name: string): Promise<string> {
  return realpath(join(ROOT, 'node_modules/.bin', name))
}

function node(file: string, args: string[], { quiet = false } = {}): Promise<number> {
  return new Promise((done, failed) => {
    if (endedBy) return done(128 + constants.signals[endedBy])
    const child = spawn(process.execPath, [file, ...args], { stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' })
    running.add(child)
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk))
    child.once('error', failed)
    child.once('close', (code, signal) => {
      running.delete(child)
      const exitCode = code ?? 128 + constants.signals[signal!]
      if (exitCode !== 0 && said) console.error(said.trimEnd())
      done(exitCode)
    })
  })
}
