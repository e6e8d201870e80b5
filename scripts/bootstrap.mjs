// Prepares a checkout, and then runs one of its programs with the project's own Node:
//
//   node scripts/bootstrap.mjs start | test | <file.ts>  [arguments]
//
// Runs with the machine's Node (20 or newer) before anything is installed, so it depends on nothing. Prints one line for
// each step that is necessary. Exits with the exit code of the program.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, relative, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const TARGETS = { start: 'src/main.mjs', test: 'scripts/test.ts' }
const NODE_MAJOR = 24
/** Half of the young generation that Node takes by itself: 60 MB less, as fast. The files in deploy/ have it too. */
const GATEWAY_FLAGS = ['--max-semi-space-size=32']
const LONGEST_PREPARATION_MS = 15 * 60_000

const MODULES = join(ROOT, 'node_modules')
const LOCKFILE = join(ROOT, 'package-lock.json')
const STAMP = join(MODULES, '.installed')
const PROJECT_NODE = join(MODULES, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
const NODE_LINK = join(MODULES, '.bin', 'node')
const SCHEMA = join(ROOT, 'prisma', 'schema.prisma')
const GENERATED = join(ROOT, 'src', 'generated', 'prisma', 'client.ts')

const CONSOLE_BUILDER = join(ROOT, 'scripts', 'build-console.ts')

const ENVIRONMENT = {
  ...process.env,
  // The project's Node comes first, also for the processes that the programs start.
  PATH: [dirname(PROJECT_NODE), join(MODULES, '.bin'), process.env.PATH].filter(Boolean).join(delimiter),
}

/** For Prisma's steps: Prisma would download an engine that nothing here uses. Any executable can replace it. */
const WITHOUT_DOWNLOADS = {
  ...ENVIRONMENT,
  PRISMA_SCHEMA_ENGINE_BINARY: process.env.PRISMA_SCHEMA_ENGINE_BINARY ?? process.execPath,
  PRISMA_SKIP_POSTINSTALL_GENERATE: '1',
  PRISMA_HIDE_UPDATE_MESSAGE: '1',
}

class StepFailed extends Error {}

/** The child process that runs now, and the signal that asked us to end. */
let child = null
let endedBy = null
const forwarded = new Set()

function passOn(signal) {
  endedBy ??= signal
  // Ctrl-C arrives twice, from the terminal and from npm. The child gets it from the terminal or from here, and once is enough.
  if (forwarded.has(signal)) return
  forwarded.add(signal)
  child?.kill(signal)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => passOn(signal))

// A killed npm cannot forward a signal, so its end means that we must end.
if (process.env.npm_lifecycle_event) {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) passOn('SIGTERM')
  }, 500).unref()
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (endedBy) process.exitCode = 128 + constants.signals[endedBy]
  else if (error instanceof StepFailed) {
    console.error(error.message)
    process.exitCode = 1
  } else throw error
}

async function main([target, ...args]) {
  const program = target && resolve(ROOT, TARGETS[target] ?? target)
  if (!program || !existsSync(program)) {
    console.error(
      `Expected ${Object.keys(TARGETS).join(', ')} or a file of the project, got ${target ?? 'nothing'}. For example: node scripts/bootstrap.mjs start`,
    )
    return 64
  }
  if (!isReady()) await oneAtATime(makeReady)
  const options = { env: ENVIRONMENT, stdio: 'inherit' }
  return (
    (await run(PROJECT_NODE, [CONSOLE_BUILDER], options)) ||
    run(PROJECT_NODE, [...(target === 'start' ? GATEWAY_FLAGS : []), program, ...args], options)
  )
}

function isReady() {
  return packagesAreCurrent() && nodeIsChecked() && clientIsCurrent()
}

async function makeReady() {
  if (!packagesAreCurrent()) await installPackages()
  if (!nodeIsChecked()) await checkNode()
  if (!clientIsCurrent()) await generateClient()
}

/** A text that identifies the installed packages: the lock file, the platform and the architecture. */
function fingerprint() {
  const lock = existsSync(LOCKFILE) ? readFileSync(LOCKFILE) : ''
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform}-${process.arch}`
}

function packagesAreCurrent() {
  if (!existsSync(LOCKFILE)) return existsSync(MODULES)
  if (readOr(STAMP, '').split('\n')[0] === fingerprint()) return true
  if (!installedMatchesLockfile()) return false
  writeFileSync(STAMP, `${fingerprint()}\n`)
  return true
}

/** For packages that npm installed without this script: compares npm's record with the lock file. */
function installedMatchesLockfile() {
  try {
    const wanted = JSON.parse(readFileSync(LOCKFILE, 'utf8')).packages
    const present = JSON.parse(readFileSync(join(MODULES, '.package-lock.json'), 'utf8')).packages
    const wantedPaths = Object.keys(wanted).filter((path) => path.startsWith('node_modules/'))
    return (
      Object.keys(present).every((path) => present[path].version === wanted[path]?.version) &&
      wantedPaths.every((path) => (path in present && existsSync(join(ROOT, path))) || wanted[path].optional)
    )
  } catch {
    return false
  }
}

async function installPackages() {
  console.log('Installing packages (the first time this takes a minute or two) …')
  rmSync(STAMP, { force: true })
  // Install development packages for every NODE_ENV, because the runtime is one of them. Run no install scripts: only
  // that of the package `node` is necessary, and checkNode() runs it.
  const options = [
    '--include=dev',
    '--include=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]
  try {
    await npm(['ci', ...options])
  } catch (error) {
    // If a registry lacks packages of other platforms, npm believes that the lock file is incomplete.
    if (!(error instanceof StepFailed) || !error.message.includes('EUSAGE')) throw error
    await npm(['install', '--no-save', ...options])
  }
  writeFileSync(STAMP, `${fingerprint()}\n`)
  // The whole folder: Prisma refuses to write into one that lacks a file of its own.
  rmSync(dirname(GENERATED), { recursive: true, force: true })
}

/** Running Node takes 40 ms, so each installation is checked once. */
function nodeIsChecked() {
  const hasLink = process.platform === 'win32' || existsSync(NODE_LINK)
  return hasLink && existsSync(PROJECT_NODE) && readOr(STAMP, '').split('\n')[1] === `node ${NODE_MAJOR}`
}

async function checkNode() {
  if ((await projectNodeMajor()) !== NODE_MAJOR) {
    console.log(`Installing Node ${NODE_MAJOR} for the project …`)
    const folder = join(MODULES, 'node')
    await step(process.execPath, [join(folder, 'installArchSpecificPackage.js')], { cwd: folder })
    const major = await projectNodeMajor()
    if (major !== NODE_MAJOR)
      throw new StepFailed(
        `Expected Node ${NODE_MAJOR} at ${PROJECT_NODE}, got ${major ?? 'nothing that runs'}. Remove node_modules and start again; npm must be allowed to run install scripts.`,
      )
  }
  linkNode()
  writeFileSync(STAMP, `${fingerprint()}\nnode ${NODE_MAJOR}\n`)
}

/** npm links programs before the package `node` has installed its own. npm's scripts search for it in .bin. */
function linkNode() {
  if (process.platform === 'win32' || existsSync(NODE_LINK)) return
  mkdirSync(dirname(NODE_LINK), { recursive: true })
  rmSync(NODE_LINK, { force: true })
  symlinkSync(relative(dirname(NODE_LINK), PROJECT_NODE), NODE_LINK)
}

async function projectNodeMajor() {
  if (!existsSync(PROJECT_NODE)) return null
  const { code, output } = await capture(PROJECT_NODE, ['--version'])
  return code === 0 ? Number.parseInt(output.trim().slice(1), 10) : null
}

function clientIsCurrent() {
  if (!existsSync(SCHEMA)) return true
  return existsSync(GENERATED) && statSync(GENERATED).mtimeMs >= statSync(SCHEMA).mtimeMs
}

async function generateClient() {
  console.log('Generating the database client …')
  await step(PROJECT_NODE, [join(MODULES, 'prisma', 'build', 'index.js'), 'generate'], { cwd: ROOT })
  // Prisma does not write a file with unchanged content, so set its time here.
  writeFileSync(GENERATED, readFileSync(GENERATED))
}

/** `npm start` and `npm test` may run at the same time in a fresh clone. The second one waits for the first. */
async function oneAtATime(work) {
  const name = createHash('sha256').update(`${process.getuid?.()} ${ROOT}`).digest('hex').slice(0, 16)
  const path = join(tmpdir(), `sivo-bootstrap-${name}.lock`)
  let told = false
  for (;;) {
    try {
      const file = openSync(path, 'wx', 0o644)
      writeSync(file, String(process.pid))
      closeSync(file)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = Number(readOr(path, ''))
    if ((holder > 0 && !isRunning(holder)) || ageMs(path) > LONGEST_PREPARATION_MS) {
      rmSync(path, { force: true })
      continue
    }
    if (!told) console.log(`Waiting for process ${holder || '?'}, which is preparing this folder …`)
    told = true
    await delay(250)
    if (endedBy) throw new StepFailed('Ended while waiting.')
  }
  try {
    await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function ageMs(path) {
  const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
  return Date.now() - mtimeMs
}

function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function readOr(path, fallback) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return fallback
  }
}

/** Runs the npm that started us, or the one on the PATH. */
function npm(args) {
  const cli = process.env.npm_execpath
  if (cli && basename(cli) === 'npm-cli.js' && existsSync(cli))
    return step(process.execPath, [cli, ...args], { cwd: ROOT })
  const isWindows = process.platform === 'win32'
  return step(isWindows ? 'npm.cmd' : 'npm', args, { cwd: ROOT, shell: isWindows })
}

/** Runs a step without output. If it fails, its output becomes the error. */
async function step(file, args, options) {
  const { code, output } = await capture(file, args, { env: WITHOUT_DOWNLOADS, ...options })
  if (endedBy) throw new StepFailed('Ended.')
  if (code !== 0)
    throw new StepFailed(
      `${output.trimEnd()}\n\nThis failed (exit code ${code}): ${[basename(file), ...args].join(' ')}`,
    )
}

async function capture(file, args, options) {
  let output = ''
  const code = await run(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }, (chunk) => {
    output = (output + chunk).slice(-20_000)
  })
  return { code, output }
}

/** Resolves with the exit code, or with 128 + n if signal n ended the process. */
function run(file, args, options, onOutput) {
  return new Promise((done, failed) => {
    if (endedBy) return failed(new StepFailed('Ended.'))
    child = spawn(file, args, options)
    child.stdout?.on('data', onOutput)
    child.stderr?.on('data', onOutput)
    child.once('error', (error) => failed(new StepFailed(`${file} cannot be run: ${error.message}`)))
    child.once('close', (code, signal) => {
      child = null
      done(code ?? 128 + constants.signals[signal])
    })
  })
}
