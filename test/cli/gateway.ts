// A gateway, and the command line beside it, as a partner would use them.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type GatewayProcess, startGatewayProcess } from '../../harness/gateway-process.ts'
import { runCommandLine } from '../../packages/cli/src/command-line.ts'
import { freePort } from '../../src/dev/free-port.ts'
import { toPublicId } from '../../src/domain/values/id.ts'
import { ensureOperatorKey } from '../../src/gateway/admin/api-keys.ts'
import { schema } from '../../src/schema/index.ts'
import { startServer } from '../../src/server/http.ts'
import { type House, openHouse } from '../support/house.ts'

const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))
/** Beside the packages, as that of the gateway. Loading the commands from it takes half as long. */
const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url))
const OPERATOR_KEY = 'test-operator-key-000000000000'

export type CommandResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export type CommandProcess = {
  readonly stdout: () => string
  readonly stderr: () => string
  /** Asks it to end by SIGTERM, and resolves with how it ended. */
  stop(): Promise<CommandResult>
  /** Ends it now, by SIGKILL. */
  kill(): void
  readonly ended: Promise<CommandResult>
}

type RunOptions = { env?: Record<string, string>; input?: string }

export type GatewayUnderTest = {
  readonly house: House
  readonly url: string
  readonly tenantId: string
  readonly folder: string
  /** Starts `sivo` with these arguments, as the operator who speaks for the house's tenant. */
  start(args: readonly string[], options?: RunOptions): CommandProcess
  /** Starts it and waits for its end. */
  run(args: readonly string[], options?: RunOptions): Promise<CommandResult>
  /**
   * The same without a process, which takes a second on a busy machine. One at a time, and only for commands that end by
   * themselves. That a process ends, and with which code, is seen by the tests that `run` one.
   */
  call(args: readonly string[], options?: RunOptions): Promise<CommandResult>
  close(): Promise<void>
}

const SIVO_RETRY_SCHEDULE = '1h,2h,3h,4h,5h,6h'

/** A gateway in this process. No retry comes by itself while a test looks. */
export async function openGateway(): Promise<GatewayUnderTest> {
  const house = await openHouse({ SIVO_RETRY_SCHEDULE })
  const { ctx, feed } = house.app
  await ensureOperatorKey(ctx, OPERATOR_KEY)
  const server = await startServer({ ctx: { ...ctx, config: { ...ctx.config, port: 0 } }, feed, schema })
  return openCommandLine({
    house,
    folder: await mkdtemp(join(tmpdir(), 'sivo-cli-')),
    port: server.port,
    closeServer: () => server.close(1_000),
  })
}

/** The house's own lanes deliver; a process serves the API, and may be killed. */
export async function openKillableGateway(): Promise<GatewayUnderTest & { readonly gateway: GatewayProcess }> {
  const house = await openHouse({ SIVO_RETRY_SCHEDULE })
  const folder = await mkdtemp(join(tmpdir(), 'sivo-cli-'))
  const port = await freePort()
  const gateway = startGatewayProcess({
    name: 'api',
    logPath: join(folder, 'gateway.log'),
    env: {
      DATABASE_URL: house.database.url,
      SIVO_ROLE: 'api',
      SIVO_RETRY_SCHEDULE,
      SIVO_OPERATOR_KEY: OPERATOR_KEY,
      SIVO_SECRETS_KEY: Buffer.alloc(32, 7).toString('base64'),
      SIVO_ALLOWED_NETWORKS: '127.0.0.0/8',
      PORT: String(port),
    },
  })
  const opened = openCommandLine({ house, folder, port, closeServer: () => gateway.end() })
  await gateway.ready(30_000).catch(async (error) => {
    await opened.close()
    throw error
  })
  return { gateway, ...opened }
}

type Opened = {
  readonly house: House
  readonly folder: string
  readonly port: number
  readonly closeServer: () => Promise<void>
}

function openCommandLine({ house, folder, port, closeServer }: Opened): GatewayUnderTest {
  const url = `http://127.0.0.1:${port}`
  const tenantId = toPublicId('tenant', house.tenantId)
  const running = new Set<CommandProcess>()
  const environment = (env: Record<string, string> = {}) => ({
    PATH: process.env['PATH'],
    XDG_CONFIG_HOME: folder,
    SIVO_NO_KEYCHAIN: '1',
    SIVO_URL: url,
    SIVO_KEY: OPERATOR_KEY,
    SIVO_TENANT: tenantId,
    ...env,
  })

  const start: GatewayUnderTest['start'] = (args, { env, input } = {}) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...environment(env), NODE_COMPILE_CACHE: COMPILED },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => (stdout += chunk))
    child.stderr.on('data', (chunk) => (stderr += chunk))
    child.stdin.end(input ?? '')
    const ended = new Promise<CommandResult>((resolve) =>
      child.once('close', (code) => resolve({ code, stdout, stderr })),
    )
    const command: CommandProcess = {
      stdout: () => stdout,
      stderr: () => stderr,
      ended,
      kill: () => void child.kill('SIGKILL'),
      stop() {
        child.kill('SIGTERM')
        return ended
      },
    }
    running.add(command)
    void ended.then(() => running.delete(command))
    return command
  }

  return {
    house,
    url,
    tenantId,
    folder,
    start,
    run: (args, options) => start(args, options).ended,
    call: (args, { env, input } = {}) => callCommandLine(args, environment(env), input),
    async close() {
      await Promise.all([...running].map((command) => command.stop()))
      await closeServer()
      await house.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Lends the command line this process' environment and streams until it ends. */
async function callCommandLine(
  args: readonly string[],
  env: Record<string, string | undefined>,
  input = '',
): Promise<CommandResult> {
  const said = { stdout: '', stderr: '' }
  const streamInto = (name: keyof typeof said) =>
    new Writable({
      write(chunk, _, written) {
        said[name] += chunk
        written()
      },
    })
  const lent = {
    env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)),
    stdin: Readable.from([Buffer.from(input)]),
    stdout: streamInto('stdout'),
    stderr: streamInto('stderr'),
  }
  const own = Object.getOwnPropertyDescriptors(process)
  for (const [name, value] of Object.entries(lent))
    Object.defineProperty(process, name, { value, configurable: true, writable: true, enumerable: true })
  try {
    return { code: await runCommandLine(args), ...said }
  } finally {
    for (const name of Object.keys(lent)) Object.defineProperty(process, name, own[name as keyof typeof lent]!)
  }
}
