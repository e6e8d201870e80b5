// Real brokers on loopback, each in a folder of its own; nothing of them stays. null: the program is not on this machine.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/dev/free-port.ts'

export type Broker = {
  readonly url: string
  /** Ends it by SIGKILL and starts it again on its data. */
  crash(): Promise<void>
  /** Ends it by SIGKILL; resolves when nothing listens any more. */
  kill(): Promise<void>
  /** Starts it on its data; resolves when it listens. */
  start(): Promise<void>
  stop(): Promise<void>
}

export async function startNats(options: readonly string[] = []): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-nats-'))
  const port = await freePort()
  const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder, ...options]
  return supervised({
    url: `nats://127.0.0.1:${port}`,
    port,
    folder,
    spawn: () => spawn('nats-server', args, { stdio: 'ignore' }),
  })
}

export async function startRabbit(): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-rabbit-'))
  const port = await freePort()
  const distribution = await freePort()
  const names = await freePort()
  await writeFile(
    join(folder, 'rabbitmq.conf'),
    `listeners.tcp.1 = 127.0.0.1:${port}\nloopback_users = none\nlog.console = false\n`,
  )
  await writeFile(join(folder, 'plugins'), '[].')
  const spawnRabbit = () =>
    spawn(SERVER, [], {
      detached: true,
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        RABBITMQ_NODENAME: `sivo${port}@localhost`,
        RABBITMQ_DIST_PORT: String(distribution),
        RABBITMQ_MNESIA_BASE: join(folder, 'data'),
        RABBITMQ_LOG_BASE: join(folder, 'log'),
        RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
        RABBITMQ_PID_FILE: join(folder, 'pid'),
        ERL_EPMD_PORT: String(names),
      },
    })
  // Erlang's port mapper: left to itself, the server starts one that outlives the test.
  const portMapper = spawn('epmd', ['-address', '127.0.0.1', '-port', String(names)], { stdio: 'ignore' })
  await untilListening(portMapper, names, 15_000)
  const broker = await supervised({ url: `amqp://127.0.0.1:${port}`, port, folder, spawn: spawnRabbit })
  return {
    ...broker,
    async stop() {
      await broker.stop()
      const ended = once(portMapper, 'exit')
      portMapper.kill('SIGKILL')
      await ended
    },
  }
}

/** Debian's wrapper asks for root or the user rabbitmq; the program behind it does not. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'

type Supervised = {
  readonly url: string
  readonly port: number
  readonly folder: string
  readonly spawn: () => ChildProcess
}

async function supervised({ url, port, folder, spawn }: Supervised): Promise<Broker> {
  let child: ChildProcess | null = null
  const kill = async () => {
    if (!child) return
    const ended = once(child, 'exit')
    // Of a server that is started by a script, the whole group.
    if (child.spawnfile === SERVER) process.kill(-child.pid!, 'SIGKILL')
    else child.kill('SIGKILL')
    await ended
    child = null
    // The script is gone before the server behind it, which may listen for a while longer.
    await until(
      async () => !(await listens(port)),
      30_000,
      () => `port ${port} to be free`,
    )
  }
  const start = async () => {
    child = spawn()
    await untilListening(child, port, 60_000)
  }
  await start()
  return {
    url,
    kill,
    start,
    async crash() {
      await kill()
      await start()
    },
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

export function isInstalled(program: string): boolean {
  try {
    execFileSync('which', [program], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

async function untilListening(child: ChildProcess, port: number, timeoutMs: number): Promise<void> {
  await until(
    async () => {
      if (child.exitCode !== null)
        throw new Error(`${child.spawnfile} ended with exit code ${child.exitCode} before it listened on port ${port}.`)
      return listens(port)
    },
    timeoutMs,
    () => `${child.spawnfile} to listen on port ${port}`,
  )
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  socket.destroy()
  return isOpen
}

async function until(holds: () => Promise<boolean>, timeoutMs: number, what: () => string): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Expected ${what()} within ${timeoutMs} ms.`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
