// Relay's compiler and runtime, and graphql-request, as a partner installs them.

import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { openLiveGateway } from '../live/live-gateway.ts'
import { expectAllOverRestart, expectRefusals } from '../live/live-programs.ts'
import { writePage } from '../receivers/pages.ts'
import { run, workFolder } from './programs.ts'

const SOURCES = join(import.meta.dirname, 'javascript')

let folder: string
beforeAll(async () => {
  folder = await workFolder('javascript')
  await cp(SOURCES, folder, { recursive: true })
  await cp(join(import.meta.dirname, '../../schema.graphql'), join(folder, 'schema.graphql'))
  await writePage('../clients.md', folder)
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: folder })
  await run('npx', ['--no-install', 'relay-compiler'], { cwd: folder })
}, 300_000)

test('Relay 21 asks, watches over a restart with its recipe, and reads the code of a refused key', async () => {
  const relay = [{ name: 'Relay', command: process.execPath, args: ['relay.mjs'] }]
  await expectAllOverRestart(relay, folder)
  await expectRefusals(relay, folder)
})

test('graphql-request 7 asks, and reads the code of a refusal', async () => {
  const gateway = await openLiveGateway()
  try {
    const { stdout } = await run(process.execPath, ['graphql-request.mjs'], {
      cwd: folder,
      env: { SIVO_URL: gateway.url, SIVO_KEY: gateway.key },
    })
    expect(JSON.parse(stdout)).toEqual({
      role: 'VIEWER',
      refused: [401, 'UNAUTHENTICATED'],
      batched: [400, 'BAD_USER_INPUT'],
    })
  } finally {
    await gateway.close()
  }
})
