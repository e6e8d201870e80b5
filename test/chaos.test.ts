// The short chaos run: processes killed, frozen and cut off, the database ended twice, and the two ledgers compared with
// the tables afterwards. How long recovery takes is printed and not judged here: that depends on what else the machine
// does. See docs/chaos.md.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../chaos/main.ts', import.meta.url))

test('25 kills and 2 restarts of the database under load: nothing is lost, nothing succeeds unseen, no duplicate without a cause', {
  timeout: 360_000,
}, async () => {
  const args = ['--seed', '1', '--events', '20000', '--kills', '25', '--database-restarts', '2']
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
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
  const found = JSON.parse(line)
  expect(found).toMatchObject({
    acknowledged: 20_000,
    lost: 0,
    succeededWithout2xx: 0,
    retriesEarly: 0,
    broken: {},
    pass: true,
  })
  expect(found.delivered + found.deadLettered).toBe(found.deliveries)
  expect(found.duplicates).toBeLessThanOrEqual(found.inFlightAtFaults)
  expect(found.memoryMb.max ?? 0).toBeLessThan(400)
  expect(code).toBe(0)
})
