// Runs the Postgres from the installed packages, for development, the demo and the tests.
//
// Guarantees: one Postgres at a time serves the data of a folder, and the next start finds the data again. A Postgres that
// outlived its supervisor is ended before a new one starts. An unexpected end is reported. Ctrl-C in the terminal never
// reaches Postgres, so it can stop last. Two folders never collide: each start uses a free port of the loopback interface
// and nothing else of the machine.

import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  access,
  chmod,
  constants,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { type FolderLock, lockFolder } from './folder-lock.ts'
import { freePort } from './free-port.ts'
import {
  exists,
  findPostgres,
  giveTo,
  type PostgresPrograms,
  PostgresUnavailable,
  type Way,
} from './postgres-binaries.ts'
import { hasEndedWithin, isPostgresOf, postgresProcessesOf } from './running-process.ts'

export { PostgresUnavailable } from './postgres-binaries.ts'

/** A pino logger has this shape. */
export type PostgresLog = Record<'debug' | 'info' | 'warn' | 'error', (message: string) => void>

export type PostgresServer = {
  /** The database `sivo`. */
  url: string
  /** The database `postgres`, with the same user, to create and drop databases. */
  adminUrl: string
  port: number
  pid: number
  way: Way
  /** The folder of the tables. */
  pgdata: string
  /** Ends open connections, writes everything to disk and waits for the end. */
  stop(): Promise<void>
  /** Ends at once, as in a power cut. The next start recovers. */
  stopImmediate(): Promise<void>
}

export type PostgresOptions = {
  /** The folder of the data, the password and the lock. It is created if it is missing. */
  dataDir: string
  log: PostgresLog
  /** Settings that override SETTINGS, by their names in Postgres. */
  settings?: Record<string, string | number>
  /** False only for tests: a power cut may then destroy the data. A killed Postgres still loses nothing. */
  fsync?: boolean
  /** By default each start chooses a free port. */
  port?: number
  /** Called once if Postgres ends although nobody stopped it. The message says how, and what to do. */
  onUnexpectedExit?: (error: Error) => void
  /** By default every way that this user can use, the best one first. */
  ways?: readonly Way[]
  /** The folder for programs and data if Postgres runs as nobody, who may not enter their usual folder. */
  reachableDir?: string
}

const USER = 'sivo'
const DATABASE = 'sivo'
const START_TIMEOUT_MS = 300_000
const STOP_TIMEOUT_MS = 60_000

/** For a machine of 2 cores and 4 GB that also runs the gateway. */
const SETTINGS: Record<string, string | number> = {
  // Holds the recent deliveries and their indexes. The system caches the rest.
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  // Several processes have several pools each.
  max_connections: 200,
  work_mem: '8MB',
  maintenance_work_mem: '128MB',
  // An acknowledged event is on the disk. Never weakened.
  synchronous_commit: 'on',
  // Most of the log is full pages after checkpoints: compress them, and make checkpoints rare.
  wal_compression: 'on',
  max_wal_size: '2GB',
  min_wal_size: '256MB',
  checkpoint_timeout: '15min',
  checkpoint_completion_target: 0.9,
  // Statements take milliseconds here. Compiling them or running one on both cores costs more than it saves.
  jit: 'off',
  max_parallel_workers_per_gather: 0,
  max_parallel_maintenance_workers: 0,
  // For flash storage, not for rotating disks.
  random_page_cost: 1.1,
  // A queue always leaves dead rows, so vacuum often.
  autovacuum_naptime: '15s',
  // The application logs its own errors. Statements can hold secrets, so Postgres must not log them.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
  log_line_prefix: '',
  log_timezone: 'UTC',
  timezone: 'UTC',
}

const WITHOUT_FSYNC = { fsync: 'off', full_page_writes: 'off' }

/**
 * Starts Postgres on the data in `dataDir`, and creates the data if there is none. Throws PostgresUnavailable, with a
 * sentence for the operator, if the folder is in use, holds data of another version, or Postgres cannot run here.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const dataDir = await writableFolder(options.dataDir)
  const programs = await findPostgres({ ways: options.ways, reachableDir: reachableDirOf(options) })
  const lock = await lockFolder(
    dataDir,
    (pid) =>
      new PostgresUnavailable(
        `${dataDir} is in use by the running process ${pid}. Stop that one first, or set SIVO_DATA_DIR to another folder.`,
      ),
  )
  try {
    options.log.info(programs.sentence)
    const pgdata = await chooseDataFolder(dataDir, programs, options)
    const password = await readPassword(join(dataDir, 'password'), pgdata)
    if (await exists(join(pgdata, 'PG_VERSION'))) {
      await refuseOtherVersion(pgdata, programs)
      await endOrphan(pgdata, options.log)
    } else {
      await createData({ pgdata, password, sync: options.fsync !== false }, programs)
    }
    await ownData(pgdata, programs)
    return await startServer({ pgdata, password, programs, lock, options })
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function writableFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { recursive: true })
    await access(path, constants.W_OK | constants.X_OK)
    return await realpath(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new PostgresUnavailable(
      `Expected a folder that this process may write to at ${path}, got ${code}. Change its owner, or set SIVO_DATA_DIR to another folder.`,
    )
  }
}

function reachableDirOf({ reachableDir }: PostgresOptions): string {
  return reachableDir ?? '/var/lib/sivo-webhooks'
}

/** The folder beside the password, unless the user that runs Postgres may not enter it. Existing data is always used. */
async function chooseDataFolder(
  dataDir: string,
  programs: PostgresPrograms,
  options: PostgresOptions,
): Promise<string> {
  const beside = join(dataDir, 'pgdata')
  const elsewhere = join(
    reachableDirOf(options),
    `data-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`,
    'pgdata',
  )
  const found = (await exists(beside)) ? beside : (await exists(elsewhere)) ? elsewhere : null
  if (found === elsewhere || (found === null && !(await programs.mayEnter(dataDir)))) {
    await mkdir(dirname(elsewhere), { recursive: true, mode: 0o755 })
    options.log.info(`The data is in ${elsewhere}, because the user that runs Postgres may not enter ${dataDir}.`)
    return elsewhere
  }
  if (!(await programs.mayEnter(dataDir)))
    throw new PostgresUnavailable(
      `The data is in ${beside}, which the user that runs Postgres may not enter. Move ${dataDir} to a folder that every user may enter and set SIVO_DATA_DIR to it, or set DATABASE_URL.`,
    )
  return beside
}

async function readPassword(path: string, pgdata: string): Promise<string> {
  if (await exists(path)) return (await readFile(path, 'utf8')).trim()
  if (await exists(join(pgdata, 'PG_VERSION')))
    throw new PostgresUnavailable(
      `Expected the database's password in ${path}, but the file is gone. Put it back, or remove ${pgdata} to start with an empty database.`,
    )
  const password = randomBytes(24).toString('hex')
  await writeFile(path, `${password}\n`, { mode: 0o600 })
  return password
}

async function refuseOtherVersion(pgdata: string, { major, version }: PostgresPrograms): Promise<void> {
  const found = (await readFile(join(pgdata, 'PG_VERSION'), 'utf8')).trim()
  if (Number.parseInt(found, 10) !== major)
    throw new PostgresUnavailable(
      `Expected data of Postgres ${major} in ${pgdata}, got data of Postgres ${found}; ${version} cannot read it. ` +
        `Move it with pg_dump and pg_restore of Postgres ${found}, or set SIVO_DATA_DIR to another folder.`,
    )
}

/** Creates the data in a draft folder and renames it when it is complete: an interrupted start leaves no partial database. */
async function createData(
  { pgdata, password, sync }: { pgdata: string; password: string; sync: boolean },
  programs: PostgresPrograms,
): Promise<void> {
  const parent = dirname(pgdata)
  for (const name of await readdir(parent)) {
    if (name.startsWith('pgdata.')) await rm(join(parent, name), { recursive: true, force: true })
  }
  const draft = await realpath(parent).then((folder) => join(folder, `pgdata.${randomBytes(6).toString('hex')}`))
  const passwordFile = `${draft}.password`
  await mkdir(draft, { mode: 0o700 })
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
  await giveTo(draft, programs)
  await giveTo(passwordFile, programs)
  try {
    const { file, args, options } = programs.command('initdb', [
      `--pgdata=${draft}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The builtin C.UTF-8 of Postgres sorts the same on every machine, independent of installed locales.
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--no-instructions',
      ...(sync ? [] : ['--no-sync']),
    ])
    const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    const lastLines = keepLastLines(child)
    // Kill the whole group: otherwise the children of initdb would continue to write.
    const lastWord = () => child.pid && process.kill(-child.pid, 'SIGKILL')
    process.once('exit', lastWord)
    const code = await exitOf(child)
    process.off('exit', lastWord)
    if (code !== 0)
      throw new PostgresUnavailable(`initdb could not create the database in ${pgdata}: ${lastLines().join(' ')}`)
    await rename(draft, pgdata)
  } finally {
    await rm(passwordFile, { force: true })
    await rm(draft, { recursive: true, force: true })
  }
}

async function ownData(pgdata: string, programs: PostgresPrograms): Promise<void> {
  const { uid, gid } = await stat(pgdata)
  if (uid === programs.uid && gid === programs.gid) return
  if (uid !== programs.uid && process.getuid?.() !== 0)
    throw new PostgresUnavailable(
      `${pgdata} belongs to the user ${uid}, but this process runs as ${programs.uid}. Run as that user, or set SIVO_DATA_DIR to another folder.`,
    )
  await giveTo(pgdata, programs)
  await chmod(pgdata, 0o700)
}

/** Ends a Postgres that outlived the process that started it. The caller holds the lock of the folder. */
export async function endOrphan(pgdata: string, log: PostgresLog): Promise<void> {
  const pidFile = join(pgdata, 'postmaster.pid')
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10)
  if (!Number.isInteger(pid)) return
  if (await isPostgresOf(pid, pgdata)) {
    log.info(`Ending the Postgres (pid ${pid}) that an earlier run left behind.`)
    if (!(await endProcess(pid)))
      throw new PostgresUnavailable(
        `The Postgres of an earlier run (pid ${pid}) still uses ${pgdata} and does not end. End it with "kill -9 ${pid}" and start again.`,
      )
  }
  // Its child processes notice the end of the postmaster themselves. Until then they use the files.
  const deadline = performance.now() + 15_000
  for (let left = await postgresProcessesOf(pgdata); left.length > 0; left = await postgresProcessesOf(pgdata)) {
    if (performance.now() > deadline)
      throw new PostgresUnavailable(
        `Processes of an earlier Postgres still use ${pgdata}: ${left.join(', ')}. End them with "kill -9 ${left.join(' ')}" and start again.`,
      )
    await delay(50)
  }
  // The file names a process that is not a Postgres of this folder. Postgres would refuse to start because of it.
  await rm(pidFile, { force: true })
}

async function endProcess(pid: number): Promise<boolean> {
  for (const [signal, waitMs] of [
    ['SIGINT', 20_000],
    ['SIGQUIT', 10_000],
  ] as const) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    if (await hasEndedWithin(pid, waitMs)) return true
  }
  return false
}

type Start = {
  pgdata: string
  password: string
  programs: PostgresPrograms
  lock: FolderLock
  options: PostgresOptions
}

async function startServer(start: Start): Promise<PostgresServer> {
  const wanted = start.options.port
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await freePort())
    try {
      return await startOnPort(start, port)
    } catch (error) {
      // Another process may have taken the port after we chose it.
      if (!(error instanceof PortTaken) || attempt === 5) throw error
    }
  }
}

class PortTaken extends PostgresUnavailable {}

async function startOnPort(start: Start, port: number): Promise<PostgresServer> {
  const { pgdata, password, programs, lock, options } = start
  const settings = {
    ...SETTINGS,
    ...(options.fsync === false ? WITHOUT_FSYNC : {}),
    ...options.settings,
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
  }
  const command = programs.command('postgres', [
    '-D',
    pgdata,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ])
  // Detached: Ctrl-C in the terminal does not reach the separate process group.
  const child = spawn(command.file, command.args, {
    ...command.options,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const lastLines = keepLastLines(child, (line) => logLine(options.log, line))
  const end = exitOf(child)
  // If our process ends without stopping Postgres, Postgres must end too.
  const lastWord = () => child.kill('SIGINT')
  process.once('exit', lastWord)

  let ended = false
  let wantsEnd = false
  let started = false
  const afterEnd = end.then(async (reason) => {
    ended = true
    process.off('exit', lastWord)
    if (!started) return
    await lock.release()
    if (!wantsEnd) options.onUnexpectedExit?.(new Error(describeLoss(reason, pgdata, lastLines())))
  })

  const url = (database: string) => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`
  try {
    await untilReady({ pgdata, pid: child.pid, hasEnded: () => ended, log: options.log })
    if (ended) {
      const lines = lastLines()
      if (lines.some((line) => line.includes('could not bind')))
        throw new PortTaken(`Port ${port} of 127.0.0.1 is taken by another process. Free it, or choose another.`)
      throw new PostgresUnavailable(describeEnd(await end, pgdata, lines))
    }
    await createDatabase(url('postgres'))
  } catch (error) {
    child.kill('SIGQUIT')
    await afterEnd
    throw error
  }
  started = true

  const stopWith = async (signal: 'SIGINT' | 'SIGQUIT') => {
    wantsEnd = true
    if (!ended) child.kill(signal)
    const force = setTimeout(() => child.kill('SIGQUIT'), STOP_TIMEOUT_MS)
    await afterEnd
    clearTimeout(force)
  }
  return {
    url: url(DATABASE),
    adminUrl: url('postgres'),
    port,
    pid: child.pid!,
    way: programs.way,
    pgdata,
    stop: () => stopWith('SIGINT'),
    stopImmediate: () => stopWith('SIGQUIT'),
  }
}

/** Waits until the pid file says that Postgres accepts connections, or until Postgres has ended. */
async function untilReady({
  pgdata,
  pid,
  hasEnded,
  log,
}: {
  pgdata: string
  pid: number | undefined
  hasEnded: () => boolean
  log: PostgresLog
}): Promise<void> {
  const startedAt = performance.now()
  let nextWordAt = startedAt + 5_000
  while (!hasEnded()) {
    const lines = (await readFile(join(pgdata, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (Number(lines[0]) === pid && lines[7]?.trim() === 'ready') return
    if (performance.now() > nextWordAt) {
      log.info('Postgres is starting and not ready yet. It may be recovering after an unclean end.')
      nextWordAt += 10_000
    }
    if (performance.now() - startedAt > START_TIMEOUT_MS)
      throw new PostgresUnavailable(
        `Postgres on ${pgdata} was not ready after ${START_TIMEOUT_MS / 60_000} minutes. Look at the log with LOG_LEVEL=debug.`,
      )
    await delay(15)
  }
}

async function createDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE])
    if (rowCount === 0) await client.query(`create database ${DATABASE}`)
  } finally {
    await client.end()
  }
}

type End = number | NodeJS.Signals | Error

function exitOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once('error', resolve)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 0))
  })
}

function describeEnd(end: End, pgdata: string, lines: string[]): string {
  const how =
    end instanceof Error ? end.message : typeof end === 'number' ? `with exit code ${end}` : `by the signal ${end}`
  const said = lines.length > 0 ? `Its last messages: ${lines.join(' ')}` : 'It printed no message.'
  return `Postgres on ${pgdata} ended ${how}. ${said}`
}

/** What somebody is told whose Postgres ended while it ran. */
function describeLoss(end: End, pgdata: string, lines: string[]): string {
  const why = lines.some((line) => line.includes('No space left on device'))
    ? ' The disk is full: make room first.'
    : end === 'SIGKILL'
      ? ' Somebody killed it, or the system did so because memory ran out: "dmesg" says so then.'
      : ''
  return `${describeEnd(end, pgdata, lines)}${why} Nothing that was acknowledged is lost. Start again in the same way: Postgres recovers its data, and deliveries go on. With LOG_LEVEL=debug all that Postgres says is in this log, in the lines with "postgres:".`
}

/** Of equal lines the first: each connection says the same when Postgres ends. */
function keepLastLines(child: ChildProcess, onLine?: (line: string) => void): () => string[] {
  const kept: string[] = []
  createInterface({ input: child.stderr! }).on('line', (line) => {
    if (!kept.includes(line)) kept.push(line)
    if (kept.length > 8) kept.shift()
    onLine?.(line)
  })
  return () => [...kept]
}

/** FATAL ends one connection, and its owner logs it. A crashed backend ends every connection. */
function logLine(log: PostgresLog, line: string): void {
  const level = /^PANIC:/.test(line) ? 'error' : /was terminated by signal/.test(line) ? 'warn' : 'debug'
  log[level](`postgres: ${line}`)
}
