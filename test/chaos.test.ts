// The short chaos runs: every kind of fault, most of them several times, and the two ledgers compared with the tables
// afterwards. How long recovery takes is printed and not judged here: that depends on what else the machine
// does. See docs/chaos.md.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../chaos/main.ts', import.meta.url))

/** Every kind of fault that a plan may have. */
const EVERY_FAULT = ['black-hole', 'database-restart', 'kill', 'pause', 'silence', 'terminate']

/** `faults`: how many of each kind met a process. */
type Found = { faults: Record<string, number>; memoryMb: { max: number | null } } & Record<
  'delivered' | 'deadLettered' | 'deliveries' | 'duplicates' | 'inFlightAtFaults',
  number
>

/** Runs it to its end and returns its line; it must have found what it should. */
async function runChaos(seed: number, events: number, ...more: string[]): Promise<Found> {
  const child = spawn(process.execPath, [MAIN, '--seed', String(seed), '--events', String(events), ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  let line = ''
  child.stdout.on('data', (chunk) => {
    line += chunk
  })
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  // A run that is ended from here cleans up after itself.
  const late = setTimeout(() => child.kill('SIGTERM'), 300_000)
  const [code] = await once(child, 'close')
  clearTimeout(late)
  expect(line, `it ended with ${code}:\n${said.slice(-4_000)}`).toMatch(/^\{.*\}\n$/)
  console.log(`chaos: ${line.trim()}`)
  const found = JSON.parse(line) as Found
  expect(found).toMatchObject({
    acknowledged: events,
    lost: 0,
    succeededWithout2xx: 0,
    retriesEarly: 0,
    broken: {},
    pass: true,
  })
  expect(found.delivered + found.deadLettered).toBe(found.deliveries)
  expect(found.duplicates).toBeLessThanOrEqual(found.inFlightAtFaults)
  expect(code).toBe(0)
  return found
}

test('10 kills and 2 restarts of the database under load: nothing is lost, nothing succeeds unseen, no duplicate without a cause', {
  timeout: 360_000,
}, async () => {
  const { faults, memoryMb } = await runChaos(
    1,
    5_000,
    ...['--rate', '125', '--kills', '10', '--database-restarts', '2'],
    ...['--pauses', '2', '--terminations', '2', '--black-holes', '2', '--silences', '3'],
  )
  expect(Object.keys(faults).sort()).toEqual(EVERY_FAULT)
  expect(memoryMb.max ?? 0).toBeLessThan(400)
})

// Its silences begin with the statement after the last one of the run above: the two plans have each statement once.
test('the same of a process that hands over what it publishes', { timeout: 180_000 }, async () => {
  const found = await runChaos(
    4,
    3_600,
    ...['--together', '--workers', '2', '--rate', '200', '--kills', '5', '--database-restarts', '1'],
    ...['--pauses', '0', '--terminations', '1', '--black-holes', '0', '--silences', '3'],
  )
  expect(found.inFlightAtFaults).toBeGreaterThan(0)
})
