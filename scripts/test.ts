// Every check and test, in the order in which failing is cheapest. Stops at the first failure and names it.
// With arguments only the tests run, and the arguments go to vitest: npm test -- test/domain

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { constants } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const ROOT = resolve(import.meta.dirname, '..')

type Step = { name: string; run: () => Promise<Result> }
/** An exit code, or a sentence about what is wrong. */
type Result = number | string

const steps: Step[] = [
  { name: 'generated files', run: checkGeneratedFiles },
  { name: 'format and lint', run: () => program('biome', ['check', '--error-on-warnings', '.']) },
  { name: 'types', run: () => program('tsc', []) },
  { name: 'unused code', run: () => program('knip', []) },
  { name: 'tests', run: () => program('vitest', ['run']) },
]

// The program that runs now has the terminal's Ctrl-C as well; all that is left to do is not to begin another.
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
    // The tests have the last word: their own summary.
    if (index < all.length - 1) console.log(`✓ ${name} (${seconds} s)`)
  }
  return 0
}

/** Makes everything anew that is made from other files, and says what came out different from what was there. */
async function checkGeneratedFiles(): Promise<Result> {
  const outputs = await generatedFiles()
  const before = await fingerprints(outputs)
  const generators: [file: string, args: string[]][] = [
    [await binary('prisma'), ['generate']],
    [join(ROOT, 'scripts/print-schema.ts'), []],
    [await binary('graphql-codegen'), ['--silent']],
  ]
  for (const [file, args] of generators) {
    const code = await node(file, args, { quiet: true })
    if (code !== 0) return code
  }
  const after = await fingerprints(outputs)
  const names = new Set([...before.keys(), ...after.keys()])
  const changed = [...names].filter((name) => before.get(name) !== after.get(name)).sort()
  return changed.length === 0
    ? 0
    : `Expected generated files as their sources make them, came others: ${changed.join(', ')}. They are right now: look at the difference and commit it.`
}

/** The committed ones; what Git ignores is made anew for each checkout. */
async function generatedFiles(): Promise<string[]> {
  const { default: codegen } = await import(pathToFileURL(join(ROOT, 'codegen.ts')).href)
  return ['schema.graphql', ...Object.keys(codegen.generates)]
}

async function fingerprints(paths: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const path of paths) {
    for (const file of await filesUnder(join(ROOT, path))) {
      const digest = createHash('sha256')
        .update(await readFile(file))
        .digest('hex')
      found.set(relative(ROOT, file), digest)
    }
  }
  return found
}

async function filesUnder(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => null)
  if (!found) return []
  if (!found.isDirectory()) return [path]
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

async function program(name: string, args: string[]): Promise<number> {
  return node(await binary(name), args)
}

/** npm's links lead to each package's program, which our Node runs whatever the first line of the file asks for. */
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
