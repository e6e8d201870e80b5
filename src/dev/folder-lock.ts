// Lets one process at a time use a folder. The lock is a file that names its holder by process id and start time. A dead
// holder does not keep the lock, because a later process with the same id has another start time. Processes that cannot
// see each other, such as two containers on one volume, are not protected.

import { randomBytes } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { identityOf } from './running-process.ts'

export type FolderLock = { release(): Promise<void> }

type Holder = { pid: number; identity: string | null }

/** Locks the folder for this process. If a living process holds it, throws the error that `refused` returns for its `pid`. */
export async function lockFolder(folder: string, refused: (pid: number) => Error): Promise<FolderLock> {
  const path = join(folder, 'lock')
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const mine = JSON.stringify({ pid: process.pid, identity: await identityOf(process.pid) } satisfies Holder)
  await writeFile(draft, mine, { mode: 0o600 })
  try {
    for (;;) {
      try {
        // A link appears with its whole content, and fails if the name exists, so nobody reads an incomplete lock.
        await link(draft, path)
        break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const found = await readFile(path, 'utf8').catch(() => null)
      if (found === null) continue
      const holder = parseHolder(found)
      if (holder && (await isHeldBy(holder))) throw refused(holder.pid)
      await takeAway(path, found, refused)
    }
  } finally {
    await rm(draft, { force: true })
  }
  return {
    async release() {
      if ((await readFile(path, 'utf8').catch(() => null)) === mine) await rm(path, { force: true })
    },
  }
}

async function isHeldBy({ pid, identity }: Holder): Promise<boolean> {
  const now = await identityOf(pid)
  return now !== null && now === identity
}

/** Removes the lock of a dead holder. If another process took the lock meanwhile, restores that lock. */
async function takeAway(path: string, expected: string, refused: (pid: number) => Error): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  await rename(path, aside).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  const taken = await readFile(aside, 'utf8').catch(() => null)
  if (taken !== null && taken !== expected) {
    await link(aside, path).catch(() => undefined)
    await rm(aside, { force: true })
    throw refused(parseHolder(taken)?.pid ?? 0)
  }
  await rm(aside, { force: true })
}

function parseHolder(text: string): Holder | null {
  try {
    const { pid, identity } = JSON.parse(text)
    return Number.isInteger(pid) && pid > 0 ? { pid, identity } : null
  } catch {
    return null
  }
}
