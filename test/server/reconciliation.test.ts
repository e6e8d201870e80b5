// The programs of docs/reconciliation.md as they stand there, after an outage of a receiver.

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toPublicId } from '../../src/domain/values/id.ts'
import { writePage } from '../receivers/pages.ts'
import { type Gateway, openGateway } from '../security/gateway.ts'

/** The receiver's own part: it writes the ids that it has, and never one twice. */
const HANDLE = `
import { appendFile, readFile } from 'node:fs/promises'
const file = new URL('handled', import.meta.url)
const handled = async () => (await readFile(file, 'utf8').catch(() => '')).split('\\n')
export const has = async (id) => (await handled()).includes(id)
export async function handle(event) {
  if (event.type !== 'call.ended' || (await has(event.id))) return
  await appendFile(file, event.id + '\\n')
}
`

let gateway: Gateway
let folder: string
let key: string
beforeAll(async () => {
  gateway = await openGateway({ SIVO_RETRY_SCHEDULE: '1h,2h' })
  key = await gateway.key('VIEWER', gateway.house.tenantId)
  folder = await mkdtemp(join(tmpdir(), 'sivo-reconciliation-'))
  await writePage('../reconciliation.md', folder)
  await writeFile(join(folder, 'handle.mjs'), HANDLE)
})
afterAll(async () => {
  await gateway?.close()
  await rm(folder, { recursive: true, force: true })
})

async function runProgram(...args: string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], SIVO_URL: gateway.url, SIVO_KEY: key }
  const child = spawn(process.execPath, args, { cwd: folder, env })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${said}`)
  return said.trim()
}

const handled = async () => (await readFile(join(folder, 'handled'), 'utf8')).trim().split('\n')

test('a receiver that was down handles each event that it missed once, oldest first, and finds what it lost', async () => {
  const { house } = gateway
  const receiver = await house.receiver()
  const { id } = await house.addEndpoint(receiver.url('/hooks'))
  const endpoint = toPublicId('endpoint', id)
  const publish = async (count: number) => {
    const events = await house.publish(...Array.from({ length: count }, () => ({ type: 'call.ended' as const })))
    return events.map(({ id }) => toPublicId('event', id))
  }
  const before = await publish(3)
  await house.until(async () => (await house.deliveries({ status: 'SUCCEEDED' })).length === 3)
  receiver.answer(500)
  const first = await publish(130)
  // The end of a step lies between the events, and the second page of a step is asked for.
  await new Promise((resolve) => setTimeout(resolve, 20))
  const middle = Date.now()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const second = await publish(20)
  await house.until(async () => (await house.deliveries()).every(({ attemptCount }) => attemptCount > 0), 30_000)

  const since = new Date(middle - 20 * 60_000).toISOString()
  expect(await runProgram('catch-up.mjs', endpoint, since)).toBe('150 events')
  expect(await handled()).toEqual([...first, ...second])
  expect(await runProgram('catch-up.mjs', endpoint, since)).toBe('150 events')
  expect(await handled()).toHaveLength(150)

  const to = new Date(Date.now() + 1_000).toISOString()
  const lost = await runProgram('compare.mjs', since, to)
  expect(lost.split('\n')).toEqual(before.map((id) => `missing: ${id}`))
  expect(await runProgram('compare.mjs', since, to)).toBe('')
})
