// The check that the README shows and those that the console shows, run against the vectors with real requests.

import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { VERIFY_SAMPLES } from '../../console/src/components/endpoints/verify-samples.ts'
import { expectVectors } from './drive.ts'
import { README, writePage } from './pages.ts'
import type { SecretName } from './vectors.ts'

/** These samples know one secret: the current one, or during a rotation the coming one. */
const KNOWN: readonly SecretName[][] = [['current'], ['coming']]

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sivo-samples-'))
  await symlink(join(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs a command line as a receiver whose secret is in SIVO_WEBHOOK_SECRET. */
const expectSample = (command: string) =>
  expectVectors(
    'sivo',
    { command: 'sh', args: ['-c', `SIVO_WEBHOOK_SECRET=$SIVO_WEBHOOK_SECRETS exec ${command}`], cwd: folder },
    KNOWN,
  )

test('the receiver of the README accepts and refuses the vectors, and a request without a signature is 401', async () => {
  await writePage(README, folder)
  await expectSample(`'${process.execPath}' receiver.mjs`)
})

/** What a sample needs around it to answer requests: the file, its text, and how to run it. */
const AROUND: Record<string, { file: string; text: string; command: string; program: string[] }> = {
  'Node.js': {
    file: 'console.mjs',
    text: `import express from 'express'
import { isFromSivo } from './verify.mjs'
const app = express()
app.post('/webhooks', express.raw({ type: 'application/json', limit: '1mb' }), (request, response) => {
  response.sendStatus(isFromSivo(request.body ?? '', request.headers) ? 204 : 401)
})
app.listen(process.env.PORT)
`,
    command: `'${process.execPath}' console.mjs`,
    program: [process.execPath, '--version'],
  },
  Python: {
    file: 'console.py',
    text: `import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from verify import is_from_sivo
class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        raw_body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204 if is_from_sivo(raw_body, self.headers) else 401)
        self.end_headers()
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver).serve_forever()
`,
    command: 'python3 console.py',
    program: ['python3', '--version'],
  },
  PHP: {
    file: 'console.php',
    text: `<?php
require 'verify.php';
http_response_code(is_from_sivo(file_get_contents('php://input'), $_SERVER) ? 204 : 401);
`,
    command: 'php -S 127.0.0.1:$PORT console.php',
    program: ['php', '--version'],
  },
  Ruby: {
    file: 'console.rb',
    text: `require 'webrick'
require_relative 'verify'
server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: ENV.fetch('PORT'))
server.mount_proc '/' do |request, response|
  env = request.header.to_h { |name, values| ["HTTP_#{name.upcase.tr('-', '_')}", values.first] }
  response.status = from_sivo?(request.body || '', env) ? 204 : 401
end
server.start
`,
    command: 'ruby console.rb',
    program: ['ruby', '-e', 'require "webrick"'],
  },
}

for (const [language, { file, text, command, program }] of Object.entries(AROUND)) {
  const [name = '', ...args] = program
  const isThere = spawnSync(name, args, { stdio: 'ignore' }).status === 0
  if (!isThere && !process.env['CI'])
    console.warn(`The console's sample in ${language} is not tested: ${program.join(' ')}`)
  test.skipIf(!isThere && !process.env['CI'])(
    `the console's sample in ${language} accepts and refuses the vectors`,
    async () => {
      const sample = VERIFY_SAMPLES.find((each) => each.language === language)!
      await writeFile(join(folder, sample.file), sample.code)
      await writeFile(join(folder, file), text)
      await expectSample(command)
    },
  )
}

test('every sample of the console says that bodies have up to 256 KB, or names a limit of 1 MB', () => {
  for (const { language, code } of VERIFY_SAMPLES) expect(code, language).toMatch(/1 ?mb|1<<20|256 KB/i)
})
