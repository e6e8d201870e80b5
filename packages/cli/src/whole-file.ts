// Writes a file that is either whole or not there: under another name first, which becomes the name of the file once all of
// it is on the disk.

import { createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { reasonOf } from './client.ts'
import { CommandFailure, EXIT, usage } from './failure.ts'

/** Writes what the source gives. Throws CommandFailure; then the file is as it was before. */
export async function writeWholeFile(path: string, source: Readable): Promise<void> {
  const part = `${path}.${process.pid}.part`
  let isOurs = false
  try {
    const file = createWriteStream(part, { mode: 0o600, flags: 'wx' })
    file.once('open', () => {
      isOurs = true
    })
    await pipeline(source, file)
    await sync(part)
    await rename(part, path)
  } catch (error) {
    if (isOurs) await rm(part, { force: true })
    throw failureOf(path, error)
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

const WHAT_TO_DO: Record<string, string> = {
  ENOSPC: 'the disk is full. Free some room, or choose another --out.',
  EDQUOT: 'the quota of this disk is used up. Free some room, or choose another --out.',
  EFBIG: 'the file would be larger than this user or file system allows. Choose another --out.',
  ENOENT: 'its folder does not exist. Create it, or choose another --out.',
  EACCES: 'this user may not write there. Choose another --out.',
  EROFS: 'that disk takes no writes. Choose another --out.',
  EISDIR: 'it is a folder. Name a file in it.',
}

function failureOf(path: string, error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error
  const { code } = error as { code?: string }
  const says = WHAT_TO_DO[code ?? '']
  if (says) return usage(`${path} was not written: ${says} (${code})`)
  return new CommandFailure(
    EXIT.unavailable,
    `${path} was not written, because the download broke off: ${reasonOf(error)}. Run the command again.`,
  )
}
