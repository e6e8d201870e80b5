// Two cells on the loopback interface, each with a Postgres, a worker and API processes of its own, and HAProxy in front of both as
// in deploy/. Without HAProxy a client goes where the refusal of the other cell sends it.

import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { GatewayProcess } from '../../harness/gateway-process.ts'
import { hasProgram, startCellsProxy } from '../../harness/web-proxy.ts'
import { freePort } from '../../src/dev/free-port.ts'
import { KEY_PREFIX, makeToken } from '../../src/domain/access/credential.ts'
import { openDrillDatabase } from '../postgres.ts'
import type { Stand } from '../stand.ts'
import type { Fault } from './ledger.ts'
import type { Beside } from './plan.ts'

export const CELLS = ['eu1', 'us1'] as const
export type CellName = (typeof CELLS)[number]

export type Cell = { readonly databaseUrl: string; readonly secretsKey: string; readonly operatorKey: string }

export type Town = {
  readonly cells: Readonly<Record<CellName, Cell>>
  readonly proxy: 'haproxy' | 'none: clients follow extensions.url'
  /** Where a client that knows nothing else sends its requests. */
  readonly url: string
  /** Ends it, and resolves when it runs again. */
  end(beside: Beside): Promise<Fault>
  /** Gives HAProxy the lines of moved.map. */
  reload(moved: readonly string[]): Promise<void>
}

const AWAY_MS = 1_000
const READY_MS = 60_000

export async function openTown(stand: Stand): Promise<Town> {
  const throughProxy = hasProgram('haproxy')
  const ports = {
    eu1: [await freePort(), await freePort()],
    us1: [await freePort()],
  } satisfies Record<CellName, number[]>
  const cellUrls = CELLS.map((cell) => `${cell}=http://127.0.0.1:${ports[cell].at(-1)}`).join()
  const cells = {} as Record<CellName, Cell>
  const processes = new Map<string, GatewayProcess>()
  const databases = {} as Record<CellName, Awaited<ReturnType<typeof openDrillDatabase>>>
  for (const cell of CELLS) {
    databases[cell] = await openDrillDatabase(stand, { name: `postgres-${cell}` })
    cells[cell] = {
      databaseUrl: databases[cell].url,
      secretsKey: randomBytes(32).toString('base64'),
      operatorKey: makeToken(KEY_PREFIX, cell, randomBytes),
    }
    const env = {
      SIVO_CELL: cell,
      SIVO_OPERATOR_KEY: cells[cell].operatorKey,
      SIVO_SECRETS_KEY: cells[cell].secretsKey,
      SIVO_TRUSTED_PROXIES: '127.0.0.0/8',
      ...(!throughProxy && { SIVO_CELL_URLS: cellUrls }),
    }
    for (const [what, role, port] of [
      ...ports[cell].map((port, at) => [`api${at + 1}`, 'api', port] as const),
      ['worker', 'worker', 0] as const,
    ]) {
      const name = `${cell}-${what}`
      processes.set(name, await stand.start({ name, role, port, databaseUrl: cells[cell].databaseUrl, env }))
    }
    stand.tell(`the cell ${cell} is ready`)
  }
  const proxy = throughProxy ? await startCellsProxy({ certificate: stand.certificate, ports }) : null
  if (proxy) stand.onClose(proxy.close)
  else stand.tell('HAProxy is not installed: clients follow the address in the refusal of the other cell')
  return {
    cells,
    proxy: proxy ? 'haproxy' : 'none: clients follow extensions.url',
    url: `${proxy?.url ?? `http://127.0.0.1:${ports.eu1.at(-1)}`}/graphql`,
    async end({ cell, what }) {
      const name = `${cell}-${what}`
      const beganMs = Date.now()
      if (what !== 'database') {
        const process = processes.get(name)!
        process.signal('SIGKILL')
        return { what: name, beganMs, endedMs: beganMs }
      }
      const { port } = databases[cell]
      await databases[cell].stopImmediate()
      await delay(AWAY_MS)
      databases[cell] = await openDrillDatabase(stand, { name: `postgres-${cell}`, port })
      return { what: name, beganMs, endedMs: Date.now() }
    },
    async reload(moved) {
      await proxy?.reload(moved)
      for (const process of processes.values()) await process.ready(READY_MS)
    },
  }
}
