// Makes another commit ready to run in a temporary folder, so that two gateways can be measured in turns. Promise: after
// `remove`, neither the folder nor git's record of it is left.

import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const ROOT = resolve(import.meta.dirname, '..')
const MAX_OUTPUT_BYTES = 16_000_000

export type Reference = {
  /** The folder of the tree. */
  readonly root: string
  /** What it was asked for by, with the commit's abbreviated hash. */
  readonly name: string
  remove(): Promise<void>
}

/** A ref that names no commit; the message is for the caller. */
export class UnknownCommit extends Error {}

const exec = promisify(execFile)

/** The abbreviated hash of a commit of this repository; null where there is none of that name. */
export async function commitOf(ref: string): Promise<string | null> {
  const args = ['-C', ROOT, 'rev-parse', '--short', '--verify', '--quiet', `${ref}^{commit}`]
  return exec('git', args).then(
    ({ stdout }) => stdout.trim(),
    () => null,
  )
}

/**
 * Checks the commit out and makes it ready as its own `npm start` would: packages, Node, the database client, the console.
 * Packages that are the same as here are linked and not installed again. Throws UnknownCommit.
 */
export async function openReference(
  ref: string,
  { tell, signal }: { tell: (line: string) => void; signal: AbortSignal },
): Promise<Reference> {
  const commit = await commitOf(ref)
  if (!commit)
    throw new UnknownCommit(
      `--against: expected a commit, branch or tag of this repository, got ${JSON.stringify(ref)}. "git log" lists commits.`,
    )
  const folder = await mkdtemp(join(tmpdir(), 'sivo-bench-reference-'))
  const root = join(folder, commit)
  const remove = async () => {
    await exec('git', ['-C', ROOT, 'worktree', 'remove', '--force', root]).catch(() => {})
    await rm(folder, { recursive: true, force: true })
  }
  try {
    tell(`making ${ref} (${commit}) ready`)
    await exec('git', ['-C', ROOT, 'worktree', 'add', '--detach', root, commit])
    if (hasSamePackages(root)) await linkPackages(root, signal)
    // The bootstrap of that commit knows what its tree needs. Which program it runs afterwards does not matter.
    await exec(process.execPath, ['scripts/bootstrap.mjs', 'scripts/print-schema.ts'], {
      cwd: root,
      maxBuffer: MAX_OUTPUT_BYTES,
      signal,
    })
    return { root, name: ref === commit ? ref : `${ref} (${commit})`, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

function hasSamePackages(root: string): boolean {
  const lockOf = (folder: string) => readFileSync(join(folder, 'package-lock.json'), 'utf8')
  return existsSync(join(root, 'package-lock.json')) && lockOf(root) === lockOf(ROOT)
}

/** Copies the packages with hard links if the system can: that takes a second and no space. */
async function linkPackages(root: string, signal: AbortSignal): Promise<void> {
  const [from, to] = [join(ROOT, 'node_modules'), join(root, 'node_modules')]
  try {
    await exec('cp', ['-al', from, to], { signal })
  } catch (error) {
    if (signal.aborted) throw error
    await rm(to, { recursive: true, force: true })
    await cp(from, to, { recursive: true, verbatimSymlinks: true })
  }
}
