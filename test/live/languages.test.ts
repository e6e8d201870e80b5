import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { writePage } from '../receivers/pages.ts'
import { expectAllOverRestart, expectRefusals, type LiveProgram } from './live-programs.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sivo-live-'))
  await writePage('../live.md', folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const ALL: readonly LiveProgram[] = [
  { name: 'Node', command: process.execPath, args: ['live.mjs'] },
  { name: 'Python', command: 'python3', args: ['live.py'] },
  { name: 'Ruby', command: 'ruby', args: ['live.rb'] },
  { name: 'PHP', command: 'php', args: ['live.php'] },
  { name: 'shell', command: 'bash', args: ['live.sh'] },
]
const PROGRAMS = ALL.filter(({ name, command }) => {
  const isThere = process.env['CI'] || spawnSync('which', [command]).status === 0
  if (!isThere) console.warn(`The program in ${name} is not tested: ${command} is not on this machine.`)
  return isThere
})

test('the programs of docs/live.md print every change, also over a restart of the gateway', { timeout: 90_000 }, () =>
  expectAllOverRestart(PROGRAMS, folder),
)

test('the programs of docs/live.md end and say why when their key is not known', { timeout: 60_000 }, () =>
  expectRefusals(PROGRAMS, folder),
)
