import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run } from '../field/programs.ts'
import { expectVectors } from '../receivers/drive.ts'
import { writePage } from '../receivers/pages.ts'
import { VECTORS } from '../receivers/vectors.ts'
import { installPackage } from './install-package.ts'

const TYPESCRIPT = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')

let project: Awaited<ReturnType<typeof installPackage>>
beforeAll(async () => {
  project = await installPackage()
}, 60_000)
afterAll(() => project?.remove())

const checks = VECTORS.vectors.length * 2 * 3 * 3

test.each(['check.mjs', 'check.cjs'])('the installed package accepts and refuses the vectors: %s', async (program) => {
  const { stdout } = await run(process.execPath, [join(project.folder, program)])
  const { accepted, refused } = JSON.parse(stdout)
  expect(accepted + refused).toBe(checks)
  expect(accepted).toBeGreaterThan(70)
})

test.each([
  ['nodenext', 'nodenext'],
  ['node16', 'node16'],
  ['esnext', 'bundler'],
  ['commonjs', 'bundler'],
])('its types are found and checked with module %s, moduleResolution %s', async (module, moduleResolution) => {
  const compilerOptions = { module, moduleResolution, strict: true, noEmit: true, target: 'es2022', types: [] }
  // Without skipLibCheck: the types of the package themselves are checked, in a project without Node's types.
  const options = { ...compilerOptions, lib: ['es2022', 'dom', 'dom.iterable'], skipLibCheck: false }
  const file = join(project.folder, `tsconfig.${module}.json`)
  await writeFile(file, JSON.stringify({ compilerOptions: options, files: ['types.ts'] }))
  await run(process.execPath, [TYPESCRIPT, '-p', file])
})

test('it depends on nothing and holds nothing but its code, its types and its page', async () => {
  const installed = join(project.folder, 'node_modules')
  expect((await readdir(installed)).filter((name) => !name.startsWith('.'))).toEqual(['sivo-webhooks'])
  const manifest = JSON.parse(await readFile(join(installed, 'sivo-webhooks/package.json'), 'utf8'))
  expect([manifest.dependencies, manifest.peerDependencies]).toEqual([undefined, undefined])
  expect((await readdir(join(installed, 'sivo-webhooks'))).sort()).toEqual(['README.md', 'dist', 'package.json'])
})

test('it brings the command line, which runs with nothing else installed', async () => {
  const { stdout } = await run(join(project.folder, 'node_modules/.bin/sivo'), ['events', 'publish', '--help'])
  expect(stdout).toContain('--file')
  expect(stdout).toContain('resume')
})

test('the receiver of docs/verify.md accepts and refuses the vectors', async () => {
  await writePage('../verify.md', project.folder)
  await expectVectors('standard', {
    command: process.execPath,
    args: ['verify-receiver.mjs'],
    cwd: project.folder,
  })
})
