// The report of a run: the machine, and the tables of its figures.

import { cpus, loadavg, totalmem } from 'node:os'

/** Prints the machine, what the tables need said, and the tables. */
export function report(...parts: readonly string[]): void {
  process.stdout.write(`\n${[machine(), ...parts].join('\n\n')}\n`)
}

function machine(): string {
  const [cpu] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${cpu?.model ?? 'unknown'}, ${memory} GB, Node ${process.version}, load average at the end ${loadavg()[0]!.toFixed(1)}`
}
