// A gateway in a process of its own, and the command line beside it, as a partner would use them.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type GatewayProcess, startGatewayProcess } from '../../harness/gateway-process.ts'
import { toPublicId } from '../../src/domain/id.ts'
import { type House, openHouse } from '../support/house.ts'

const MAIN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url))
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

export type GatewayUnderTest = {
  readonly house: House
  readonly gateway: GatewayProcess
  readonly url: string
  readonly tenantId: string
  readonly folder: string
  /** Starts `sivo` with these arguments, as the operator who speaks for the house's tenant. */
  start(args: readonly string[], options?: { env?: Record<string, string>; input?: string }): CommandProcess
  run(args: readonly string[], options?: { env?: Record<string, string>; input?: string }): Promise<CommandResult>
  close(): Promise<void>
}

const SIVO_RETRY_SCHEDULE = '1h,2h,3h,4h,5h,6h'

/** The house's own lanes deliver; the process serves the API, and may be killed. No retry comes by itself while a test looks. */
export async function openGateway(): Promise<GatewayUnderTest> {
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
  await gateway.ready(30_000)
  const url = `http://127.0.0.1:${port}`
  const tenantId = toPublicId('tenant', house.tenantId)
  const running = new Set<CommandProcess>()

  const start: GatewayUnderTest['start'] = (args, { env = {}, input } = {}) => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: {
        PATH: process.env['PATH'],
        XDG_CONFIG_HOME: folder,
        SIVO_NO_KEYCHAIN: '1',
        SIVO_URL: url,
        SIVO_KEY: OPERATOR_KEY,
        SIVO_TENANT: tenantId,
        ...env,
      },
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
    gateway,
    url,
    tenantId,
    folder,
    start,
    run: (args, options) => start(args, options).ended,
    async close() {
      await Promise.all([...running].map((command) => command.stop()))
      await gateway.end()
      await house.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
