// Real brokers on loopback, each in a folder of its own; nothing of them stays. null: the program is not on this machine.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Broker = {
  readonly url: string
  /** Ends it by SIGKILL and starts it again on its data. */
  crash(): Promise<void>
  stop(): Promise<void>
}

export async function startNats(): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-nats-'))
  const port = await freePort()
  const start = async () => {
    const child = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder], {
      stdio: 'ignore',
    })
    await untilListening(port)
    return child
  }
  return supervised(`nats://127.0.0.1:${port}`, folder, start)
}

export async function startRabbit(): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-rabbit-'))
  const port = await freePort()
  const distribution = await freePort()
  await writeFile(
    join(folder, 'rabbitmq.conf'),
    `listeners.tcp.1 = 127.0.0.1:${port}\nloopback_users = none\nlog.console = false\n`,
  )
  await writeFile(join(folder, 'plugins'), '[].')
  const start = async () => {
    const child = spawn(SERVER, [], {
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
        // A port mapper of its own would outlive the test.
        ERL_EPMD_ADDRESS: '127.0.0.1',
      },
    })
    await untilListening(port, 60_000)
    return child
  }
  return supervised(`amqp://127.0.0.1:${port}`, folder, start)
}

/** Debian's wrapper asks for root or the user rabbitmq; the program behind it does not. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'

async function supervised(url: string, folder: string, start: () => Promise<ChildProcess>): Promise<Broker> {
  let child = await start()
  const kill = async () => {
    const ended = once(child, 'exit')
    // Of a server that is started by a script, the whole group.
    if (child.spawnfile === SERVER) process.kill(-child.pid!, 'SIGKILL')
    else child.kill('SIGKILL')
    await ended
  }
  return {
    url,
    async crash() {
      await kill()
      child = await start()
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

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function untilListening(port: number, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const listens = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    socket.destroy()
    if (listens) return
    if (performance.now() > deadline) throw new Error(`Nothing listens on port ${port} after ${timeoutMs} ms.`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
