// One worker that loses its way to the database for 20 s without a word, and keeps the one to its receivers: it runs in a
// network namespace of its own (root only), and the link that leads to the database is cut. The other worker takes over.

import { spawn, spawnSync } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../src/dev/free-port.ts'
import type { Drilled } from './main.ts'
import { openDrillDatabase } from './postgres.ts'
import { countLedgers, type Stand } from './stand.ts'

const PER_SECOND = 50
const CUT_MS = 20_000
/** Networks that are reserved for measurements: no route of a machine leads there. */
const LINKS = { database: '198.18.7', receiver: '198.18.8' } as const
type Link = keyof typeof LINKS

export async function partition(stand: Stand): Promise<Drilled> {
  const space = `sivo-drill-${process.pid}`
  openSpace(stand, space)
  const database = await openDrillDatabase(stand)
  await forward(stand, LINKS.database, database.port)
  await forward(stand, LINKS.receiver, stand.receiverPort)
  forwardWithin(stand, space, stand.receiverPort)

  const apiPort = await freePort()
  await stand.start({ name: 'api', role: 'api', port: apiPort, databaseUrl: database.url })
  const worker = { role: 'worker', databaseUrl: database.url } as const
  await stand.start({ ...worker, name: 'worker-that-stays' })
  const cut = await stand.start({
    ...worker,
    name: 'worker-that-is-cut-off',
    databaseUrl: database.url.replace('127.0.0.1', `${LINKS.database}.1`),
    within: ['ip', 'netns', 'exec', space],
  })
  const url = `http://127.0.0.1:${apiPort}/graphql`
  const publishing = stand.publish({ url, tenantId: await stand.configure(url), perSecond: PER_SECOND, retries: true })
  await delay(5_000)
  ip('-n', space, 'link', 'set', 'database', 'down')
  const before = stand.received.size
  stand.tell('the worker is cut off from the database')
  await delay(CUT_MS)
  const meanwhile = stand.received.size - before
  ip('-n', space, 'link', 'set', 'database', 'up')
  stand.tell(`the link is back; ${meanwhile} events arrived meanwhile`)
  await delay(10_000)
  await publishing.stop()
  const delivered = await stand.untilDelivered(60_000)
  return {
    passed: delivered && countLedgers(stand).lost === 0 && publishing.failed === 0 && cut.unexpectedEnds.length === 0,
    figures: { cutOffMs: CUT_MS, arrivedMeanwhile: meanwhile, failed: publishing.failed },
  }
}

/** A namespace with two links to this one, each with the addresses .1 here and .2 there. */
function openSpace(stand: Stand, space: string): void {
  ip('netns', 'add', space)
  stand.onClose(() => ip('netns', 'del', space))
  ip('-n', space, 'link', 'set', 'lo', 'up')
  for (const link of Object.keys(LINKS) as Link[]) {
    const here = `sivo-${link.slice(0, 2)}${process.pid}`
    ip('link', 'add', here, 'type', 'veth', 'peer', 'name', link, 'netns', space)
    ip('addr', 'add', `${LINKS[link]}.1/30`, 'dev', here)
    ip('link', 'set', here, 'up')
    ip('-n', space, 'addr', 'add', `${LINKS[link]}.2/30`, 'dev', link)
    ip('-n', space, 'link', 'set', link, 'up')
  }
}

function ip(...args: string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`Expected "ip ${args.join(' ')}" to work as root, got: ${error ?? stderr.trim()}`)
}

/** Makes a port of the loopback interface reachable from the namespace. */
async function forward(stand: Stand, network: string, port: number): Promise<void> {
  const server = createServer((socket) => {
    const onward = connect(port, '127.0.0.1')
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      one.on('error', () => other.destroy())
      one.once('close', () => other.destroy())
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, `${network}.1`, resolve)
  })
  stand.onClose(() => server.close())
}

/** The same port on the loopback interface of the namespace, where the endpoint's `localhost` leads. */
function forwardWithin(stand: Stand, space: string, port: number): void {
  const program = `require('node:net').createServer((socket) => {
    const onward = require('node:net').connect(${port}, '${LINKS.receiver}.1')
    socket.on('error', () => onward.destroy()).pipe(onward)
    onward.on('error', () => socket.destroy()).pipe(socket)
  }).listen(${port}, '127.0.0.1')`
  const child = spawn('ip', ['netns', 'exec', space, process.execPath, '-e', program], { stdio: 'ignore' })
  stand.onClose(() => child.kill('SIGKILL'))
}
