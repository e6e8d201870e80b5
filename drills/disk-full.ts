// A disk that fills up under load, and gets room again: the data are on a file system of 384 MB of their own (root only),
// and a ballast file takes what is left. Postgres may end; then it is started again, as its supervisor would.

import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../src/dev/free-port.ts'
import type { Drilled } from './main.ts'
import { openDrillDatabase } from './postgres.ts'
import { countLedgers, type Stand } from './stand.ts'

const PER_SECOND = 50
const SIZE = '384m'
const FULL_MS = 20_000
const SETTINGS = { max_wal_size: '64MB', min_wal_size: '32MB', wal_recycle: 'off', checkpoint_timeout: '30s' }

export async function diskFull(stand: Stand): Promise<Drilled> {
  const disk = join(stand.folder, 'disk')
  mountDisk(stand, disk)
  let ends = 0
  const onEnd = () => {
    ends++
  }
  const database = await openDrillDatabase(stand, { name: 'disk', settings: SETTINGS, onEnd })
  const apiPort = await freePort()
  await stand.start({ name: 'api', role: 'api', port: apiPort, databaseUrl: database.url })
  await stand.start({ name: 'worker', role: 'worker', databaseUrl: database.url })
  const url = `http://127.0.0.1:${apiPort}/graphql`
  const ready = () => fetch(`http://127.0.0.1:${apiPort}/ready`).then((reply) => reply.text())
  const publishing = stand.publish({ url, tenantId: await stand.configure(url), perSecond: PER_SECOND, retries: true })
  await delay(5_000)

  const ballast = join(disk, 'ballast')
  const said = new Set<string>()
  fill(ballast)
  stand.tell('the disk is full')
  const before = stand.acknowledged.size
  for (const until = Date.now() + FULL_MS; Date.now() < until; await delay(500)) {
    fill(ballast)
    for (const part of JSON.parse(await ready()).failing ?? []) said.add(part)
  }
  const whileFull = stand.acknowledged.size - before
  stand.tell(`/ready said ${[...said].join(', ') || 'nothing'}; ${whileFull} events were acknowledged meanwhile`)
  rmSync(ballast)
  const roomAt = Date.now()
  if (ends > 0) {
    stand.tell('Postgres had ended, and is started again')
    await openDrillDatabase(stand, { name: 'disk', settings: SETTINGS, port: database.port })
  }
  await delay(10_000)
  await publishing.stop()
  const delivered = await stand.untilDelivered(60_000)
  const backAt = Math.min(...stand.acknowledged.values().filter((at) => at >= roomAt))
  return {
    passed: delivered && countLedgers(stand).lost === 0 && publishing.failed === 0 && said.size > 0,
    figures: {
      readySaid: [...said],
      postgresEnded: ends > 0,
      acknowledgedWhileFull: whileFull,
      acknowledgesAfterMs: backAt - roomAt,
      failed: publishing.failed,
      retried: publishing.retried,
    },
  }
}

function mountDisk(stand: Stand, at: string): void {
  mkdirSync(at)
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=755`, 'tmpfs', at], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`Expected to mount a file system of ${SIZE} as root, got: ${stderr.trim()}`)
  stand.onClose(() => void spawnSync('umount', [at]))
}

/** Writes until nothing more fits. */
function fill(path: string): void {
  const file = openSync(path, 'a')
  try {
    for (const bytes of [1 << 20, 1 << 12]) writeWhileThereIsRoom(file, Buffer.alloc(bytes))
  } finally {
    closeSync(file)
  }
}

function writeWhileThereIsRoom(file: number, block: Buffer): void {
  for (;;)
    try {
      writeSync(file, block)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return
      throw error
    }
}
