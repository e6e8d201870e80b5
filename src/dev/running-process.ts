import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Whether a process with this id exists, of any user. A zombie counts as ended. */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return !/\) [ZX] /.test(stat)
}

/** Waits until the process has ended. Resolves with false if it still runs after `timeoutMs`. */
export async function hasEndedWithin(pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (await isRunning(pid)) {
    if (performance.now() > deadline) return false
    await delay(20)
  }
  return true
}

/**
 * A text that distinguishes this process from a later one with the same id: the boot of the machine and the start time.
 * null if there is no such process.
 */
export async function identityOf(pid: number): Promise<string | null> {
  if (!(await isRunning(pid))) return null
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The command's name is in parentheses and may contain spaces. The start time is the 20th field after it.
    return `${boot}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    const started = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => null)
    return started ? started.stdout.trim() || null : null
  }
}

/** Whether `pid` is a postgres with the data folder `pgdata` (an absolute path without symbolic links). */
export async function isPostgresOf(pid: number, pgdata: string): Promise<boolean> {
  if (!(await isRunning(pid))) return false
  try {
    const [folder, program] = await Promise.all([readlink(`/proc/${pid}/cwd`), readlink(`/proc/${pid}/exe`)])
    return folder === pgdata && basename(program.replace(/ \(deleted\)$/, '')) === 'postgres'
  } catch {
    const shown = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => null)
    return shown?.stdout.includes(pgdata) === true && shown.stdout.includes('postgres')
  }
}

/** The ids of the postgres processes that use `pgdata`; empty if the system does not list processes. */
export async function postgresProcessesOf(pgdata: string): Promise<number[]> {
  const names = await readdir('/proc').catch(() => [])
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number)
  const ours = await Promise.all(pids.map((pid) => isPostgresOf(pid, pgdata)))
  return pids.filter((_, index) => ours[index])
}
