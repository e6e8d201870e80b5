// Servers and verify libraries that nobody had reported on, tried by us: what we expected first, then what they did.

import { execFile } from 'node:child_process'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../src/dev/free-port.ts'
import { readReplyBody } from '../../src/domain/delivery/reply-body.ts'
import { judge } from '../../src/domain/outcome.ts'
import { openSending, type Sending } from '../egress/sending.ts'
import { has, run, workFolder } from './programs.ts'
import { type Server, startServer } from './receivers/servers.ts'

const SOURCES = join(import.meta.dirname, 'servers')
const LARGE = Buffer.alloc(262_144, 'x')

let sending: Sending
let folder: string
let bin: string
let modules: string
let server: Server | null = null
beforeAll(async () => {
  sending = await openSending()
  folder = await workFolder('servers')
  bin = join(folder, 'python/bin')
  modules = join(folder, 'node_modules')
  await writeFile(join(folder, 'cert.pem'), sending.certificate.cert)
  await writeFile(join(folder, 'key.pem'), sending.certificate.key, { mode: 0o600 })
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  const packages = [
    ...['bun@1.4.5', 'deno@2.9.6', '@octokit/webhooks@14.2.0', '@octokit/webhooks-methods@6.0.0', 'openai@6.49.0'],
    ...['svix@2.5.0', 'x-hub-signature@2.1.3'],
  ]
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', ...packages], {
    cwd: folder,
  })
  await run('python3', ['-m', 'venv', join(folder, 'python')])
  await run(join(bin, 'pip'), ['install', '--quiet', '--requirement', join(SOURCES, 'requirements.txt')])
})
afterEach(async () => {
  await sending.closeOpened()
  await server?.stop()
  server = null
})
afterAll(() => sending.close())

type Part = {
  name: string
  /** What becomes of 256 KB where the server's limit is 100,000 bytes; null: it has no limit of its own. */
  tooLarge: number | 'connection_reset' | null
  command(port: string, cert: string, key: string): [program: string, args: string[]]
}

const python = (file: string, port: string, ...more: string[]): [string, string[]] => [
  join(bin, 'python'),
  [join(SOURCES, file), port, ...more],
]
const asgi = (program: string, ...args: string[]): [string, string[]] => [join(bin, program), [...args, 'asgi:app']]

const PARTS: Part[] = [
  {
    name: 'Bun 1.4.5',
    tooLarge: 413,
    command: (port, cert, key) => [
      join(modules, '@oven/bun-linux-x64/bin/bun'),
      [join(SOURCES, 'bun.mjs'), port, cert, key],
    ],
  },
  {
    name: 'Deno 2.9.6',
    tooLarge: null,
    command: (port, cert, key) => [
      join(modules, '@deno/linux-x64-glibc/deno'),
      ['run', '--allow-net', '--allow-read', join(SOURCES, 'deno.mjs'), port, cert, key],
    ],
  },
  {
    name: 'aiohttp 3.14.5',
    tooLarge: 413,
    command: (port, cert, key) => python('aiohttp_receiver.py', port, cert, key),
  },
  {
    name: 'Granian 2.8.9',
    tooLarge: null,
    command: (port, cert, key) =>
      asgi(
        'granian',
        '--interface',
        'asgi',
        '--host',
        '127.0.0.1',
        '--port',
        port,
        '--ssl-certificate',
        cert,
        '--ssl-keyfile',
        key,
      ),
  },
  {
    name: 'Hypercorn 0.18.0',
    tooLarge: null,
    command: (port, cert, key) =>
      asgi('hypercorn', '--bind', `127.0.0.1:${port}`, '--certfile', cert, '--keyfile', key, '--keep-alive', '1'),
  },
  {
    name: 'Tornado 6.6.1',
    tooLarge: 'connection_reset',
    command: (port, cert, key) => python('tornado_receiver.py', port, cert, key),
  },
  {
    name: 'cheroot 11.1.2',
    tooLarge: 413,
    command: (port, cert, key) => python('cheroot_receiver.py', port, cert, key),
  },
]

const isX64 = process.platform === 'linux' && process.arch === 'x64'

async function start(command: Part['command']): Promise<number> {
  const port = await freePort()
  const [program, args] = command(String(port), join(folder, 'cert.pem'), join(folder, 'key.pem'))
  server = await startServer(program, args, { port, cwd: SOURCES })
  return port
}

test.skipIf(!has('npm', 'python3') || !isX64).each(PARTS)(
  '$name gets each request once, and its answers are read as they were meant',
  async ({ command, tooLarge }) => {
    const port = await start(command)
    const post = sending.to(port)
    const at = (path: string, body = Buffer.from('{}')) => post({ url: `https://receiver.test:${port}${path}`, body })
    for (let count = 0; count < 50; count++) {
      expect(await at('/')).toMatchObject({ failure: null, reply: { statusCode: 200 }, requestCount: 1 })
    }
    // As many at once as the lane of an endpoint begins with for a server that is new to it.
    const together = await Promise.all(Array.from({ length: 8 }, () => at('/')))
    for (const result of together) expect(result).toMatchObject({ failure: null, reply: { statusCode: 200 } })
    expect(readReplyBody(await at('/latin'))).toEqual({ text: 'Zoë', truncated: false, note: null })
    for (let count = 0; count < 10; count++) {
      const outcome = judge(await at('/', LARGE), new Date())
      if (tooLarge === 'connection_reset') {
        // Tornado answers 400, and mostly its reset overtakes the answer.
        if (outcome.errorCode === 'http_status') expect(outcome.statusCode).toBe(400)
        else
          expect(outcome).toMatchObject({
            errorCode: tooLarge,
            errorMessage: expect.stringContaining('check its limit'),
          })
      } else expect(outcome.statusCode).toBe(tooLarge ?? 200)
    }
    expect(judge(await at('/early'), new Date())).toMatchObject({ statusCode: 403, errorCode: 'http_status' })
    let sentAgain = 0
    for (let count = 0; count < 50; count++) {
      const result = await at('/')
      expect(result).toMatchObject({ failure: null, reply: { statusCode: 200 } })
      sentAgain += result.requestCount - 1
      await delay(185 + count)
    }
    console.log(`Sent again on 50 requests, 185 to 234 ms apart: ${sentAgain}.`)
  },
)

test.skipIf(!has('python3'))(
  'aiohttp that wants a client certificate is named as such, although it sends no alert',
  async () => {
    const post = sending.to(
      await start((port, cert, key) => python('aiohttp_receiver.py', port, cert, key, 'certificate')),
    )
    for (let count = 0; count < 10; count++) {
      expect((await post()).failure).toEqual({
        code: 'tls_failed',
        message: expect.stringContaining('client certificate'),
      })
    }
  },
)

/** The vectors as the openssl command makes them now: libraries tolerate five minutes. */
async function vectors(): Promise<string> {
  const script = join(import.meta.dirname, '../receivers/make-vectors.sh')
  const { stdout } = await promisify(execFile)('bash', [script, String(Math.floor(Date.now() / 1000))])
  return stdout
}

test.skipIf(!has('npm', 'python3'))('libraries made for other senders of signed webhooks verify ours', async () => {
  // Beside the packages that it imports.
  await copyFile(join(SOURCES, 'verify.mjs'), join(folder, 'verify.mjs'))
  const input = await vectors()
  const bare = 'openai, current, true: refused: a signature without its scheme'
  const js = await run(process.execPath, ['verify.mjs'], { cwd: folder, input })
  const py = await run(join(bin, 'python'), [join(SOURCES, 'verify.py')], { input })
  // OpenAI's libraries take the bare base64 too: the signature is right, its "v1," is missing.
  expect(js.stdout.trim()).toBe(bare)
  expect(py.stdout.trim()).toBe(bare)
})

test.skipIf(!has('go'))('Go libraries made for other senders of signed webhooks verify ours', async () => {
  const { stdout } = await run('go', ['run', '.'], { cwd: join(SOURCES, 'go'), input: await vectors() })
  expect(stdout).toBe('')
})
