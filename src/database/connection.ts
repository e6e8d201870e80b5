// One connection to the database, as everybody here has it: pools, Prisma, graphile-worker, heartbeat and listener. It
// finds the host, sets and checks its session, and belongs to a watch that ends it when an answer does not come.

import type { Socket } from 'node:net'
import pg from 'pg'
import type { Logger } from 'pino'
import type { DatabaseAddress, DatabaseHost } from './address.ts'
import { type ConnectionKind, openSession, readSession, type SessionOptions } from './session.ts'
import type { ConnectionWatch } from './watch.ts'

export type DatabaseLog = Pick<Logger, 'info' | 'warn'>

/** Where the database is, and how this process names and watches its connections. */
export type DatabaseAccess = {
  readonly address: DatabaseAddress
  /** The schema of the tables. */
  readonly schema: string
  /** Shows in pg_stat_activity before the kind; the same for all connections of a process. */
  readonly applicationName: string
  readonly watch: ConnectionWatch
  readonly log: DatabaseLog
  /** Told how long somebody waited for a connection of a pool, s. */
  readonly onWaited: (kind: ConnectionKind, seconds: number) => void
  /** The host that took writes when last asked; null: none is known. */
  primary: DatabaseHost | null
}

const LOST = 'ETIMEDOUT'

/** A failure that says "the database is away": drivers and callers know it by its code. */
export function connectionLost(message: string, cause?: unknown): Error {
  // Prisma's adapter knows a socket's error by these three.
  return Object.assign(new Error(message, { cause }), { code: LOST, errno: -110, syscall: 'read' })
}

/** True for a question whose connection was ended before its answer came: it may be asked once more. */
export function isConnectionLost(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === LOST
}

export type ConnectionOptions = pg.ClientConfig & {
  readonly access: DatabaseAccess
  readonly kind: ConnectionKind
}

/** What `DatabaseConnection` is made with, also by a pool. */
export function connectionOptions(access: DatabaseAccess, kind: ConnectionKind): ConnectionOptions {
  return {
    access,
    kind,
    connectionString: access.address.url,
    connectionTimeoutMillis: access.address.connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
  }
}

const NOT_WRITABLE = '25006'
const TAKES_WRITES = `not (pg_is_in_recovery() or current_setting('transaction_read_only')::bool)`
const LISTEN = /^\s*listen\b/i
/** What a new session is asked first; a pooler without a free server answers it late. */
const SESSION_MS = 5_000

export class DatabaseConnection extends pg.Client {
  readonly kind: ConnectionKind
  /** The server's process; null until the session is open. */
  pid: number | null = null
  /** A pool has lent it to somebody. */
  isLent = false
  /** It waits for notifications, for which nobody waits here. */
  listens = false
  /** performance.now() since when the server owes an answer; null: it owes none. */
  owesSince: number | null = null
  /** Rises with each question. */
  questions = 0
  /** What was asked, for the log: a statement's name or its first word. */
  question = ''
  /** How long the present question may take, ms. */
  limitMs: number
  /** performance.now() of the last answer. */
  answeredAt = performance.now()
  /** Bytes sent when the present question began. */
  sentBefore = 0
  readonly #access: DatabaseAccess

  constructor(options: ConnectionOptions) {
    super(options)
    this.kind = options.kind
    this.#access = options.access
    this.limitMs = this.#access.watch.limitOf(this.kind)
    // The next query is told of its end; a pool listens by itself.
    this.on('error', () => {})
    this.on('drain', () => this.#answered(null))
    this.on('end', () => this.#answered(null))
    this.connection.on('readyForQuery', () => {
      if (this.owesSince !== null) this.#answered(performance.now())
    })
    this.connection.on('errorMessage', ({ code }: { code?: string }) => {
      if (code === NOT_WRITABLE) setImmediate(() => this.leaveReadOnly())
    })
  }

  get stream(): Socket {
    return this.connection.stream as Socket
  }

  // biome-ignore lint/suspicious/noExplicitAny: both of the driver's ways to connect
  override connect(callback?: any): any {
    const connecting = this.#open()
    if (!callback) return connecting
    connecting.then(
      () => callback(null, this),
      (error) => callback(error),
    )
  }

  async #open(): Promise<this> {
    const { watch, address } = this.#access
    try {
      const host = await findHost(this.#access)
      if (host) Object.assign(this, host)
      await super.connect()
      watch.add(this)
      const session = this.#session()
      const { rows } = await this.query({ ...openSession(session), limitMs: SESSION_MS })
      const { pid, readOnly } = readSession(session, rows[0])
      this.pid = pid
      if (readOnly && address.wantsPrimary) {
        this.leaveReadOnly()
        throw connectionLost('The database host takes no writes any more; the next connection looks for one that does.')
      }
      return this
    } catch (error) {
      this.#access.primary = null
      this.abandon(error as Error)
      throw /^timeout expired$/.test((error as Error).message)
        ? connectionLost(`The database did not take a connection within ${address.connectMs} ms.`, error)
        : error
    }
  }

  #session(): SessionOptions {
    const { applicationName, schema, address } = this.#access
    return { kind: this.kind, applicationName, schema, further: address.settings }
  }

  // biome-ignore lint/suspicious/noExplicitAny: all of the driver's ways to ask
  override query(...asked: any[]): any {
    const [config] = asked
    const text: string = typeof config === 'string' ? config : (config?.text ?? '')
    if (this.owesSince === null) {
      this.owesSince = performance.now()
      this.sentBefore = this.stream.bytesWritten
    }
    this.questions++
    this.question = config?.name ?? (/\w+/.exec(text)?.[0] || 'statement')
    this.limitMs = config?.limitMs ?? this.#access.watch.limitOf(this.kind)
    if (LISTEN.test(text)) this.listens = true
    return super.query(...(asked as [string]))
  }

  #answered(since: number | null): void {
    this.owesSince = since
    this.answeredAt = performance.now()
  }

  /** Asks whether it still carries anything, and leads to a server that takes writes where one is wanted. */
  ping(): void {
    const asked: Promise<pg.QueryResult> = this.query(`select ${TAKES_WRITES} as yes`)
    asked.then(
      ({ rows }) => {
        if (this.#access.address.wantsPrimary && !rows[0].yes) this.leaveReadOnly()
      },
      // Its end says the rest.
      () => {},
    )
  }

  /** Ends it at once, as a broken network would; who waits for an answer gets the error. */
  abandon(error: Error): void {
    // The driver listens once it has begun to connect.
    this.stream.on('error', () => {}).destroy(error)
  }

  /** Ends it where another host may take writes. */
  leaveReadOnly(): void {
    this.#access.primary = null
    this.#access.watch.drop(this, 'read-only')
  }
}

const looking = new WeakMap<DatabaseAccess, Promise<DatabaseHost>>()

/** The host to connect to; undefined: as the driver finds one. Throws when one that takes writes is wanted and none does. */
export async function findHost(access: DatabaseAccess): Promise<DatabaseHost | undefined> {
  return access.address.wantsPrimary ? findPrimary(access) : access.address.hosts[0]
}

/** The first host that takes writes; one search at a time. */
function findPrimary(access: DatabaseAccess): Promise<DatabaseHost> {
  if (access.primary) return Promise.resolve(access.primary)
  const present = looking.get(access)
  if (present) return present
  const search = askHosts(access).finally(() => looking.delete(access))
  looking.set(access, search)
  return search
}

async function askHosts(access: DatabaseAccess): Promise<DatabaseHost> {
  const { hosts } = access.address
  const said: string[] = []
  for (const host of hosts) {
    const name = `${host.host}:${host.port}`
    try {
      if (await takesWrites(access, host)) {
        access.primary = host
        return host
      }
      said.push(`${name} takes no writes`)
    } catch (error) {
      said.push(`${name}: ${(error as Error).message}`)
    }
  }
  throw connectionLost(`Expected a database host that takes writes, got none: ${said.join('; ')}.`)
}

async function takesWrites({ address }: DatabaseAccess, host: DatabaseHost): Promise<boolean> {
  const client = new pg.Client({ connectionString: address.url, connectionTimeoutMillis: address.connectMs })
  client.on('error', () => {})
  Object.assign(client, host)
  try {
    await client.connect()
    const { rows } = await client.query({
      text: `select ${TAKES_WRITES} as yes`,
      query_timeout: address.connectMs,
    } as pg.QueryConfig)
    return rows[0].yes
  } finally {
    ;(client.connection.stream as Socket).destroy()
  }
}
