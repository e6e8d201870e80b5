// Sees to it that nobody waits for ever for a database that does not answer. A network, a proxy or a pooler may stop
// carrying one connection without ending it; both ends keep it then, and only a clock can tell.
//
// A question that is not answered within a second is looked into over a fresh connection: the server says whether it
// still works on it. Where it does not, in two looks, and no byte came in between, the connection is silent: it is ended
// on both sides, and so are the idle ones of this process, which may be silent too. Its caller gets an error that
// says "the database is away" and asks again over another connection. What a look cannot tell is ended after a limit.

import type { Logger } from 'pino'
import { connectionLost, type DatabaseConnection } from './connection.ts'
import type { ConnectionKind } from './session.ts'

export type DropReason = 'silent' | 'limit' | 'read-only' | 'idle-beside-silent' | 'all'

const DROPPED: Record<DropReason, (question: string, waitedMs: number) => string> = {
  silent: (question, ms) =>
    `The database did not answer ${question} for ${ms} ms, and works on nothing for this connection.`,
  limit: (question, ms) => `The database did not answer ${question} within ${ms} ms.`,
  'read-only': () => 'The database takes no writes over this connection.',
  'idle-beside-silent': () => 'Another connection to the database had fallen silent.',
  all: () => 'The database did not answer, and no new connection was answered either.',
}

export type ConnectionWatch = {
  /** The longest that a question of this kind may take, ms. */
  limitOf(kind: ConnectionKind): number
  add(connection: DatabaseConnection): void
  /** Ends one now. */
  drop(connection: DatabaseConnection, reason: DropReason): void
  /** Ends every connection now: the cure where not even a new one is answered. */
  dropAll(): void
  /** The server's processes behind the open connections. */
  pids(): number[]
  /** Whether connections were ended, since this was asked last, whose other end the server may still hold open. */
  takeLost(): boolean
  /** How many are open, and how many of them are lent or asked. */
  counts(): ReadonlyMap<ConnectionKind, { readonly open: number; readonly busy: number }>
}

/** The server ends a statement after 15 s: a later answer does not come. */
const LIMIT_MS = 16_000
const OF_KIND: Partial<Record<ConnectionKind, number>> = {
  // They migrate and serve commands: as long as the server works on it.
  start: Number.POSITIVE_INFINITY,
  migrate: Number.POSITIVE_INFINITY,
  tool: Number.POSITIVE_INFINITY,
  look: 3_000,
}
const TICK_MS = 200
const SUSPECT_AFTER_MS = 1_000
/** A large question is given the time to arrive. */
const BYTES_PER_MS = 1_000
const BETWEEN_LOOKS_MS = 300
/** While the server says that it works, it is asked less and less. */
const LOOK_AGAIN_MS = [0, 1_000, 2_000, 4_000]
const PING_AFTER_MS = 3_000

/** One look: which of these server processes do not work on anything. Ends them where `end` says so. */
export type Look = (pids: readonly number[]) => Promise<{ readonly resting: readonly number[] }>
export type Looker = {
  look: Look
  end(pids: readonly number[]): Promise<void>
  close(): void
}

export type WatchOptions = {
  readonly log: Pick<Logger, 'warn'>
  /** Opens the fresh connection of a look. */
  readonly openLooker: () => Promise<Looker>
  readonly onDropped?: ((kind: ConnectionKind, reason: DropReason) => void) | undefined
}

/** Watches while there are connections, and keeps no process from its end. */
export function createConnectionWatch({ log, openLooker, onDropped }: WatchOptions): ConnectionWatch {
  const connections = new Set<DatabaseConnection>()
  let timer: NodeJS.Timeout | null = null
  let looking = false
  let looks = 0
  let lookAt = 0
  let lost = false

  function tick(): void {
    const now = performance.now()
    const suspects: DatabaseConnection[] = []
    for (const connection of connections) {
      if (connection.owesSince === null) {
        if (connection.listens && now - connection.answeredAt > PING_AFTER_MS) connection.ping()
        continue
      }
      const waitedMs = now - connection.owesSince
      if (waitedMs > connection.limitMs) drop(connection, 'limit')
      else if (waitedMs > suspectAfterMs(connection)) suspects.push(connection)
    }
    if (suspects.length === 0) looks = 0
    else if (!looking && now >= lookAt) void lookInto(suspects)
  }

  async function lookInto(suspects: readonly DatabaseConnection[]): Promise<void> {
    looking = true
    let looker: Looker | null = null
    try {
      looker = await openLooker()
      const silent = await findSilent(looker, suspects)
      if (silent.length === 0) return
      looks = 0
      const idle = [...connections].filter((each) => each.owesSince === null && !each.isLent && isPooled(each))
      const pids = [...silent, ...idle].flatMap(({ pid }) => pid ?? [])
      for (const each of silent) drop(each, 'silent')
      for (const each of idle) drop(each, 'idle-beside-silent')
      for (const each of connections) if (each.listens && each.owesSince === null) each.ping()
      await looker.end(pids)
    } catch {
      // Nothing can be told now; the limits hold.
    } finally {
      looker?.close()
      looking = false
      lookAt = performance.now() + LOOK_AGAIN_MS[Math.min(looks, LOOK_AGAIN_MS.length - 1)]!
      looks++
    }
  }

  async function findSilent(looker: Looker, suspects: readonly DatabaseConnection[]): Promise<DatabaseConnection[]> {
    const asked = suspects.filter(({ pid }) => pid !== null)
    const before = asked.map((each) => ({ each, questions: each.questions, bytes: each.stream.bytesRead }))
    const isStill = ({ each, questions, bytes }: (typeof before)[number]) =>
      connections.has(each) &&
      each.owesSince !== null &&
      each.questions === questions &&
      each.stream.bytesRead === bytes
    let left = before
    for (let i = 0; i < 2 && left.length > 0; i++) {
      if (i > 0) await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOOKS_MS))
      const { resting } = await looker.look(left.map(({ each }) => each.pid!))
      left = left.filter((one) => isStill(one) && resting.includes(one.each.pid!))
    }
    return left.map(({ each }) => each)
  }

  function drop(connection: DatabaseConnection, reason: DropReason): void {
    if (!connections.delete(connection)) return
    lost = true
    const waitedMs = Math.round(performance.now() - (connection.owesSince ?? connection.answeredAt))
    const { kind, pid, question } = connection
    if (reason !== 'idle-beside-silent')
      log.warn({ kind, pid, reason, question, waitedMs }, 'database.connection_dropped')
    onDropped?.(kind, reason)
    connection.abandon(connectionLost(DROPPED[reason](question, waitedMs)))
  }

  return {
    limitOf: (kind) => OF_KIND[kind] ?? LIMIT_MS,
    add(connection) {
      connections.add(connection)
      connection.once('end', () => connections.delete(connection))
      timer ??= setInterval(() => {
        tick()
        if (connections.size > 0 || !timer) return
        clearInterval(timer)
        timer = null
      }, TICK_MS).unref()
    },
    drop,
    dropAll() {
      for (const connection of [...connections]) drop(connection, 'all')
    },
    pids: () => [...connections].flatMap(({ pid }) => pid ?? []),
    takeLost() {
      const was = lost
      lost = false
      return was
    },
    counts() {
      const counts = new Map<ConnectionKind, { open: number; busy: number }>()
      for (const { kind, isLent, owesSince } of connections) {
        const count = counts.get(kind) ?? { open: 0, busy: 0 }
        counts.set(kind, { open: count.open + 1, busy: count.busy + (isLent || owesSince !== null ? 1 : 0) })
      }
      return counts
    },
  }
}

function isPooled({ kind }: DatabaseConnection): boolean {
  return kind === 'hot' || kind === 'unsynced' || kind === 'admin' || kind === 'jobs'
}

function suspectAfterMs(connection: DatabaseConnection): number {
  return SUSPECT_AFTER_MS + (connection.stream.bytesWritten - connection.sentBefore) / BYTES_PER_MS
}
