// npm run dev: runs the gateway and the console for development.
//
// The gateway restarts when a file that it imports changes. Vite serves the console and replaces changed modules in the
// open page (HMR). Postgres runs beside both, so a restart takes about as long as a start of Node. Ctrl-C ends everything.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createLogger, createServer, type ViteDevServer } from 'vite'
import { ConfigurationError, EXIT_CONFIGURATION } from '../src/config/setting.ts'
import { type Config, readConfig } from '../src/config.ts'
import { openEmbedded } from '../src/dev/embedded.ts'
import { freePort } from '../src/dev/free-port.ts'
import { readLines } from '../src/dev/terminal.ts'
import { createLog } from '../src/log.ts'

const ROOT = resolve(import.meta.dirname, '..')
const CONSOLE_PORT = 5173
const READY_WITHIN_MS = 60_000
/** The gateway leaves within 15 s by itself. */
const STOP_WITHIN_MS = 20_000

const log = createLog({ level: 'warn', readable: true })
const closers: (() => Promise<unknown>)[] = []
let isEnding = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(0))

try {
  await start(readConfig(process.env))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  await end(error instanceof ConfigurationError ? EXIT_CONFIGURATION : 1)
}

async function start(given: Config): Promise<void> {
  const config = given.databaseUrl === null ? await openDatabase(given) : given
  const port = config.port || (await freePort())
  const gatewayUrl = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
  const operatorKey = config.operatorKey!
  const gateway = startGateway({
    PORT: String(port),
    DATABASE_URL: config.databaseUrl!,
    SIVO_OPERATOR_KEY: operatorKey,
    SIVO_SECRETS_KEY: config.secretsKey!.toString('base64'),
    SIVO_DEMO: process.env['SIVO_DEMO'] ?? '1',
  })
  closers.push(() => stopGateway(gateway))
  const vite = await startConsole(gatewayUrl)
  closers.push(() => vite.close())
  await untilReady(`${gatewayUrl}/ready`)
  if (isEnding) return
  const consoleUrl = vite.resolvedUrls!.local[0]!.replace(/\/$/, '')
  process.stdout.write(`
  The gateway restarts when src/ changes; the console updates itself.

  GraphQL       ${gatewayUrl}/graphql
  Operator key  ${operatorKey}

  Ctrl-C ends both. The data stays in ${config.dataDir}/.
`)
  const printLink = async () => {
    const link = await createConsoleLink(consoleUrl, operatorKey)
    process.stdout.write(`
  Open the console with this link. It signs in once; type l and Enter for another one.

  ${link}

`)
  }
  await printLink()
  closers.push(
    readLines(process.stdin, async (line) => {
      if (line.trim().toLowerCase() === 'l') await printLink()
    }),
  )
}

async function openDatabase(config: Config): Promise<Config> {
  const embedded = await openEmbedded(config, log, (error) => {
    process.stderr.write(`${error.message}\n`)
    void end(1)
  })
  closers.push(embedded.close)
  return embedded.config
}

/** Node's watch mode starts the gateway, and starts it again when an imported file changes. */
function startGateway(env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, ['--watch', '--watch-preserve-output', join(ROOT, 'src/main.mjs')], {
    cwd: ROOT,
    env: { ...process.env, SIVO_DEV: '1', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

async function stopGateway(gateway: ChildProcess): Promise<void> {
  if (gateway.exitCode !== null || gateway.signalCode !== null) return
  const ended = once(gateway, 'exit')
  gateway.kill('SIGTERM')
  const late = setTimeout(() => gateway.kill('SIGKILL'), STOP_WITHIN_MS)
  await ended
  clearTimeout(late)
}

async function startConsole(gatewayUrl: string): Promise<ViteDevServer> {
  process.env['SIVO_GATEWAY'] = gatewayUrl
  const customLogger = createLogger('warn', { allowClearScreen: false })
  const { error } = customLogger
  // While the gateway restarts, every request to it fails; the gateway's own lines say that it restarts.
  customLogger.error = (message, options) => {
    if (!message.includes('proxy error')) error(message, options)
  }
  const vite = await createServer({
    configFile: join(ROOT, 'console/vite.config.ts'),
    server: { host: '127.0.0.1', port: CONSOLE_PORT },
    customLogger,
    clearScreen: false,
  })
  generateDocuments(vite)
  return vite.listen()
}

/** Generates the typed documents of the console again when a file that holds one changes. */
function generateDocuments(vite: ViteDevServer): void {
  const generated = join(ROOT, 'console/src/gql')
  let running: Promise<void> | null = null
  let isWaiting = false
  const generate = async () => {
    if (running) {
      isWaiting = true
      return
    }
    do {
      isWaiting = false
      running = program('graphql-codegen', ['--silent'])
      await running
    } while (isWaiting)
    running = null
  }
  for (const event of ['add', 'change'] as const)
    vite.watcher.on(event, async (path) => {
      if (!/\.tsx?$/.test(path) || path.startsWith(generated)) return
      if ((await readFile(path, 'utf8').catch(() => '')).includes('graphql(`')) await generate()
    })
}

/** Runs a program of a package. It prints its own errors. */
async function program(name: string, args: string[]): Promise<void> {
  const child = spawn(join(ROOT, 'node_modules/.bin', name), args, {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await once(child, 'exit')
}

async function untilReady(url: string): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS
  while (!isEnding) {
    const reply = await fetch(url).catch(() => null)
    if (reply?.ok) return
    if (performance.now() > deadline)
      throw new Error(`Expected the gateway to be ready within ${READY_WITHIN_MS / 1000} s, got no answer from ${url}.`)
    await delay(100)
  }
}

/** The gateway builds the link from the host of the request, so the request goes through Vite. */
async function createConsoleLink(consoleUrl: string, operatorKey: string): Promise<string> {
  const query =
    'mutation { createConsoleLink(input: { role: OPERATOR, expiresInSeconds: 86400 }) { ... on CreateConsoleLinkSuccess { url } } }'
  const reply = await fetch(`${consoleUrl}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${operatorKey}` },
    body: JSON.stringify({ query }),
  })
  const { data } = (await reply.json()) as { data?: { createConsoleLink: { url?: string } } }
  if (!data?.createConsoleLink.url) throw new Error(`Expected a console link, got HTTP ${reply.status}.`)
  return data.createConsoleLink.url
}

/** Closes everything in reverse order and exits. */
async function end(code: number): Promise<void> {
  if (isEnding) return
  isEnding = true
  for (const close of closers.reverse()) await close().catch((error) => log.error({ err: error }, 'dev.close_failed'))
  process.exit(code)
}
