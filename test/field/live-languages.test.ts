// The programs of docs/live.md in the languages that compile.

import { beforeAll, test } from 'vitest'
import { expectAllOverRestart, expectRefusals } from '../live/live-programs.ts'
import { writePage } from '../receivers/pages.ts'
import { has, run, workFolder } from './programs.ts'

let folder: string
beforeAll(async () => {
  folder = await workFolder('live')
  await writePage('../live.md', folder)
})

test.skipIf(!has('go', 'javac', 'mcs', 'mono'))(
  'the programs in Go, Java and C# print every change over a restart, and end when their key is not known',
  async () => {
    await run('go', ['build', '-o', 'live', 'live.go'], { cwd: folder })
    await run('javac', ['Live.java'], { cwd: folder })
    await run('mcs', ['-out:Live.exe', 'Live.cs'], { cwd: folder })
    const programs = [
      { name: 'Go', command: './live', args: [] },
      { name: 'Java', command: 'java', args: ['Live'] },
      { name: 'C#', command: 'mono', args: ['Live.exe'] },
    ]
    await expectAllOverRestart(programs, folder)
    await expectRefusals(programs, folder)
  },
)
