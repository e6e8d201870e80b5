// The receivers of docs/receivers in the languages that a developer's machine often has. Where one is missing its tests are
// skipped with the reason; in CI all must be there.

import { execFile, spawnSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectVectors, freshVectors, startReceiver } from './drive.ts'
import { writePage } from './pages.ts'
import { bodyOf, VECTORS } from './vectors.ts'

const ROOT = join(import.meta.dirname, '../..')

let parent: string
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'sivo-receivers-'))
})
afterAll(() => rm(parent, { recursive: true, force: true }))

async function folderWith(page: string, ...variants: string[]): Promise<string> {
  const folder = await mkdtemp(join(parent, `${page}-`))
  await writePage(page, folder, ...variants)
  return folder
}

/** A test that needs a program: skipped by name where it is missing, but never in CI. */
function needs(name: string, command: string, ...args: string[]): typeof test | typeof test.skip {
  const isThere = spawnSync(command, args, { stdio: 'ignore' }).status === 0
  if (isThere || process.env['CI']) return test
  console.warn(`The receivers in ${name} are not tested: \`${[command, ...args].join(' ')}\` does not work here.`)
  return test.skip
}

test('the file of vectors is what the openssl command makes', async () => {
  const script = join(import.meta.dirname, 'make-vectors.sh')
  const { stdout } = await promisify(execFile)('bash', [script])
  expect(stdout).toBe(await readFile(join(import.meta.dirname, 'vectors.json'), 'utf8'))
  expect(Math.max(...VECTORS.vectors.map((vector) => bodyOf(vector).length))).toBe(262_144)
})

describe('node.md', () => {
  test.each([
    ['', 'sivo'],
    ['library', 'standard'],
  ] as const)('the receiver in Node accepts and refuses the vectors %s', async (variant, scheme) => {
    const cwd = await folderWith('node.md', variant)
    await symlink(join(ROOT, 'node_modules'), join(cwd, 'node_modules'))
    await expectVectors(scheme, { command: process.execPath, args: ['receiver.mjs'], cwd })
  })
})

describe('python.md', () => {
  const python = process.env['SIVO_TEST_PYTHON'] ?? 'python3'
  const withAll = needs('Python', python, '-c', 'import django, fastapi, flask, standardwebhooks, uvicorn')

  for (const framework of ['flask', 'django', 'fastapi'])
    withAll(`the receiver in ${framework} accepts and refuses the vectors`, async () => {
      for (const [variant, scheme] of [
        ['', 'sivo'],
        ['library', 'standard'],
      ] as const) {
        const cwd = await folderWith('python.md', variant)
        await expectVectors(scheme, { command: python, args: [`${framework}_receiver.py`], cwd })
      }
    })
})

needs(
  'PHP',
  'php',
  '-v',
)('the receiver in PHP accepts and refuses the vectors', async () => {
  for (const [variant, scheme] of [
    ['', 'sivo'],
    ['standard', 'standard'],
  ] as const) {
    const cwd = await folderWith('php.md', variant)
    await expectVectors(scheme, { command: 'php', args: ['-S', '127.0.0.1:$PORT', 'webhooks.php'], cwd })
  }
})

needs(
  'PHP',
  'php',
  '-v',
)('the receiver in PHP that fails answers 500, also without a php.ini', async () => {
  const cwd = await folderWith('php.md')
  const secret = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='
  const receiver = await startReceiver(
    { command: 'php', args: ['-n', '-S', '127.0.0.1:$PORT', 'webhooks.php'], cwd },
    secret,
  )
  try {
    const body = 'no JSON'
    const headers = { 'X-Sivo-Signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` }
    expect((await fetch(receiver.url, { method: 'POST', headers, body })).status).toBe(500)
  } finally {
    await receiver.stop()
  }
})

needs(
  'Ruby',
  'ruby',
  '-e',
  'require "rack"; require "webrick"',
)('the receiver in Ruby accepts and refuses the vectors', async () => {
  for (const [variant, scheme] of [
    ['', 'sivo'],
    ['standard', 'standard'],
  ] as const) {
    const cwd = await folderWith('ruby.md', variant)
    await expectVectors(scheme, { command: 'rackup', args: ['-s', 'webrick', '-o', '127.0.0.1', '-p', '$PORT'], cwd })
  }
})

test('the shell scripts accept and refuse the vectors', async () => {
  const cwd = await folderWith('shell.md')
  const { secrets, vectors } = await freshVectors()
  const env = { ...process.env, SIVO_WEBHOOK_SECRETS: `whsec_${'A'.repeat(43)}= ${secrets.coming}` }
  for (const vector of vectors) {
    await writeFile(join(cwd, 'body'), bodyOf(vector))
    const header = (name: string) => vector.headers[name] ?? ''
    const checks = {
      sivo: ['is-from-sivo.sh', 'body', header('X-Sivo-Signature'), header('X-Sivo-Signature-Next')],
      standard: [
        ...['is-from-sivo-standard.sh', 'body'],
        ...[header('webhook-id'), header('webhook-timestamp'), header('webhook-signature')],
      ],
    }
    for (const scheme of ['sivo', 'standard'] as const) {
      const { status, stderr } = spawnSync('bash', checks[scheme], { cwd, env, encoding: 'utf8' })
      expect(status, `${scheme}: ${vector.name}: ${stderr}`).toBe(vector[scheme].includes('coming') ? 0 : 1)
    }
  }
})
