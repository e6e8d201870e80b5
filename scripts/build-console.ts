// Builds the console into console/dist, unless the build there was made from the current sources, and puts the documentation
// beside it. A second process waits for the build of the first.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { lockFolder } from '../src/dev/folder-lock.ts'
import { copyDocuments, hasDocuments } from './console-documents.ts'

const ROOT = resolve(import.meta.dirname, '..')
const CONSOLE = join(ROOT, 'console')
const DIST = join(CONSOLE, 'dist')
const STAMP = join(DIST, 'sources.txt')
/** The sources of the console outside its own folder. */
const OTHER_SOURCES = ['schema.graphql', 'codegen.ts', 'package-lock.json']
const MADE = ['dist', join('src', 'gql')].map((folder) => join(CONSOLE, folder))

if (!(await isCurrent()) || !(await hasDocuments(ROOT, DIST))) {
  const lock = await waitForLock()
  try {
    if (!(await isCurrent())) await build()
    await copyDocuments(ROOT, DIST)
  } finally {
    await lock.release()
  }
}

async function isCurrent(): Promise<boolean> {
  return (await readFile(STAMP, 'utf8').catch(() => '')) === (await fingerprint())
}

async function build(): Promise<void> {
  console.error('Building the console …')
  const before = await fingerprint()
  await program('graphql-codegen', ['--silent'])
  await program('vite', ['build', 'console', '--logLevel', 'warn'])
  await writeFile(STAMP, before)
}

async function fingerprint(): Promise<string> {
  const entries = await readdir(CONSOLE, { recursive: true, withFileTypes: true })
  const own = entries
    .filter((entry) => entry.isFile() && !MADE.some((folder) => entry.parentPath.startsWith(folder)))
    .map((entry) => join(entry.parentPath, entry.name))
  const hash = createHash('sha256')
  for (const path of [...own.sort(), ...OTHER_SOURCES.map((name) => join(ROOT, name))])
    hash.update(`${relative(ROOT, path)}\n`).update(await readFile(path))
  return `${hash.digest('hex')}\n`
}

async function waitForLock() {
  const name = createHash('sha256').update(`${process.getuid?.()} ${ROOT}`).digest('hex').slice(0, 16)
  const folder = join(tmpdir(), `sivo-console-${name}`)
  await mkdir(folder, { recursive: true })
  class Held extends Error {}
  for (;;) {
    try {
      return await lockFolder(folder, () => new Held())
    } catch (error) {
      if (!(error instanceof Held)) throw error
      await delay(200)
    }
  }
}

async function program(name: string, args: string[]): Promise<void> {
  const file = await realpath(join(ROOT, 'node_modules/.bin', name))
  // The served build is always the production build, also during tests and development.
  const env = { ...process.env, NODE_ENV: 'production' }
  const child = spawn(process.execPath, [file, ...args], { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] })
  await new Promise<void>((done, failed) => {
    child.once('error', failed)
    child.once('close', (code) =>
      code === 0
        ? done()
        : failed(new Error(`Expected ${name} to build the console, got the exit code ${code}. Read its output above.`)),
    )
  })
}
