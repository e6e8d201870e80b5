// What is typed where the gateway runs. A process in the background must not read its terminal: the system would stop it.

import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { ReadStream } from 'node:tty'

/**
 * Gives each line that is typed to `onLine`, while this process is in the foreground. An error of `onLine` is printed.
 * Returns a function that stops.
 */
export function readLines(
  input: NodeJS.ReadStream,
  onLine: (line: string) => void | Promise<void>,
): () => Promise<void> {
  const lines = createInterface({ input, terminal: false })
  lines.on('line', async (line) => {
    try {
      await onLine(line)
    } catch (error) {
      process.stderr.write(`  That failed: ${error instanceof Error ? error.message : error}\n`)
    }
  })
  // A terminal that went away.
  input.on('error', () => lines.close())
  const readIfInFront = () => {
    if (!isTerminal(input) || isInForeground()) lines.resume()
    else lines.pause()
  }
  readIfInFront()
  // After Ctrl-Z the shell continues a process in front or in the background.
  process.on('SIGCONT', readIfInFront)
  return async () => {
    process.off('SIGCONT', readIfInFront)
    lines.close()
  }
}

function isTerminal(input: NodeJS.ReadStream): input is ReadStream {
  return input.isTTY === true
}

/** Whether the terminal belongs to this process' group. Where the system does not say, it does. */
function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    // The name in parentheses may have spaces. The group is the third field after it, that of the terminal the sixth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[2] === fields[5]
  } catch {
    return true
  }
}
