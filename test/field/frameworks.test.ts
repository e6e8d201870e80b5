// The adapters of the package for receivers whose frameworks are heavy. The light ones are in test/verify/adapters.test.ts.

import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectVectors, freshVectors, startReceiver } from '../receivers/drive.ts'
import { bodyOf } from '../receivers/vectors.ts'
import { installPackage } from '../verify/install-package.ts'
import { run, workFolder } from './programs.ts'

const PROGRAMS = join(import.meta.dirname, 'frameworks')
const TYPESCRIPT = join(import.meta.dirname, '../../node_modules/typescript/bin/tsc')
const PACKAGES = {
  '@nestjs/common': '12.5.1',
  '@nestjs/core': '12.5.1',
  '@nestjs/platform-express': '12.5.1',
  '@nestjs/platform-fastify': '12.5.0',
  '@types/node': '24',
  '@vercel/node': '24.0.0',
  'express-4': 'npm:express@4.22.3',
  next: '16.4.6',
  react: '19.3.1',
  'react-dom': '19.3.1',
  'reflect-metadata': '0.2.2',
  rxjs: '7.8.2',
}

let cwd: string
let project: Awaited<ReturnType<typeof installPackage>>
beforeAll(async () => {
  cwd = await workFolder('frameworks')
  const manifest = { private: true, type: 'module', dependencies: PACKAGES }
  await writeFile(join(cwd, 'package.json'), JSON.stringify(manifest))
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], { cwd })
  project = await installPackage()
  const installed = 'node_modules/sivo-webhooks'
  await rm(join(cwd, installed), { recursive: true, force: true })
  await cp(join(project.folder, installed), join(cwd, installed), { recursive: true })
  await cp(PROGRAMS, cwd, { recursive: true })
  const options = [
    '--ignoreConfig',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--experimentalDecorators',
    '--emitDecoratorMetadata',
  ]
  await run(process.execPath, [TYPESCRIPT, ...options, '--skipLibCheck', '--types', 'node', 'nest.ts'], { cwd })
  await rm(join(cwd, 'next/.next'), { recursive: true, force: true })
  const next = [join(cwd, 'node_modules/next/dist/bin/next'), 'build', 'next']
  await run(process.execPath, next, { cwd, env: { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' } })
})
afterAll(() => project?.remove())

const nest = (platform: string) => ({
  command: process.execPath,
  args: ['nest.js'],
  cwd,
  env: { PLATFORM: platform, NODE_ENV: 'production' },
})
const express4 = (platform: string) => ({ ...nest(platform), args: ['express-4.mjs'] })
/** A function has the helpers of Vercel unless it turns them off. */
const vercel = () => ({ command: process.execPath, args: ['vercel.mjs'], cwd })
const next = (path: string) => ({
  command: process.execPath,
  args: ['node_modules/next/dist/bin/next', 'start', 'next', '--port', '$PORT', '--hostname', '127.0.0.1'],
  cwd,
  env: { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' },
  path,
})

test.each(['express', 'fastify'])('the guard for NestJS on %s accepts and refuses the vectors', (platform) =>
  expectVectors('standard', nest(platform)),
)

test.each(['alone', 'behind express.json'])(
  'Express 4 with the package accepts and refuses the vectors: %s',
  (platform) => expectVectors('standard', express4(platform)),
)

test('a Node function of Vercel with the package accepts and refuses the vectors', () =>
  expectVectors('standard', vercel()))

test("Next's app router with the package accepts and refuses the vectors", () =>
  expectVectors('standard', next('/webhooks')))

test("Next's pages router without its body parser accepts and refuses the vectors", () =>
  expectVectors('standard', next('/api/webhooks')))

test.each([
  ['NestJS without rawBody', () => nest('without'), 'NestFactory.create(AppModule, { rawBody: true }'],
  ["Next's pages router with its body parser", () => next('/api/parsed'), 'bodyParser: false'],
])('%s answers 500 and says what to change', async (_, program, words) => {
  const { secrets, vectors } = await freshVectors()
  const receiver = await startReceiver(program(), secrets.current)
  try {
    const { headers } = vectors[0]!
    const body = new Uint8Array(bodyOf(vectors[0]!))
    const sent = { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body }
    const reply = await fetch(receiver.url, sent)
    expect(reply.status).toBe(500)
    expect(await reply.text()).toContain(words)
  } finally {
    await receiver.stop()
  }
})

test('the versions are those that the page names', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/field.md'), 'utf8')
  for (const [name, version] of [
    ['NestJS', PACKAGES['@nestjs/core']],
    ['Next', PACKAGES.next],
    ['@vercel/node', PACKAGES['@vercel/node']],
  ])
    expect(page).toContain(`${name} ${version}`)
})
