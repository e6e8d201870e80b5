// How the sender reads what real servers answer: interim replies, cut bodies, TLS that they refuse after the handshake,
// HTTP/2 alone, connections that they give up.

import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../src/dev/free-port.ts'
import { readReplyBody } from '../../src/domain/delivery/reply-body.ts'
import { judge, type SendResult } from '../../src/domain/outcome.ts'
import { openSending, type Sending } from '../egress/sending.ts'
import { has, run, workFolder } from './programs.ts'
import { type Server, startServer } from './receivers/servers.ts'

const BODY_256_KB = Buffer.alloc(262_144, 'x')

let sending: Sending
let folder: string
let cert: string
let key: string
const running: Server[] = []
beforeAll(async () => {
  sending = await openSending()
  folder = await workFolder('answers')
  ;[cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  await writeFile(cert, sending.certificate.cert)
  await writeFile(key, sending.certificate.key, { mode: 0o600 })
  await writeFile(join(folder, 'both.pem'), sending.certificate.cert + sending.certificate.key, { mode: 0o600 })
})
afterEach(async () => {
  await sending.closeOpened()
  for (const server of running.splice(0)) await server.stop()
})
afterAll(() => sending.close())

async function start(program: string, args: readonly string[], port: number): Promise<void> {
  running.push(await startServer(program, args, { port, cwd: folder }))
}

async function expectFailures(port: number, code: string, says: RegExp): Promise<void> {
  const send = sending.to(port)
  for (const body of [Buffer.from('{}'), BODY_256_KB]) {
    for (let count = 0; count < 10; count++) {
      expect((await send({ body })).failure).toEqual({ code, message: expect.stringMatching(says) })
    }
  }
}

const outcomeOf = (result: SendResult) => judge(result, new Date())
const WANTS_CERTIFICATE = /wants a client certificate/
const HTTP_2_ONLY = /speaks HTTP\/2 only/

describe.skipIf(!has('go'))('Go net/http', () => {
  let program: string
  beforeAll(async () => {
    program = join(folder, 'receiver-go')
    await run('go', ['build', '-o', program, join(import.meta.dirname, 'answers/main.go')])
  })

  async function startGo(mode: string): Promise<number> {
    const port = await freePort()
    await start(program, [mode, String(port), cert, key], port)
    return port
  }

  test('may send 100, 102 and 103 unasked', async () => {
    const send = sending.to(await startGo('interim'))
    for (let count = 0; count < 20; count++) {
      const result = await send()
      expect(result).toMatchObject({ failure: null, requestCount: 1, reply: { statusCode: 200 } })
      expect(result.reply?.body.toString()).toBe('ok')
    }
  })

  test.each(['short', 'abort'])('has answered 200 when its handler leaves the body unfinished: %s', async (mode) => {
    const send = sending.to(await startGo(mode))
    for (let count = 0; count < 10; count++) {
      const result = await send()
      expect(outcomeOf(result)).toMatchObject({ kind: 'delivered', statusCode: 200 })
      expect(readReplyBody(result)).toMatchObject({ text: 'ok', note: expect.stringContaining('before the end') })
    }
  })

  test('that wants a client certificate is named as such, over TLS 1.3 and 1.2', async () => {
    await expectFailures(await startGo('certificate'), 'tls_failed', WANTS_CERTIFICATE)
    await expectFailures(await startGo('certificate12'), 'tls_failed', WANTS_CERTIFICATE)
  })

  test('that speaks HTTP/2 only is named as such', async () => {
    await expectFailures(await startGo('h2'), 'connection_reset', HTTP_2_ONLY)
  })
})

test.skipIf(!has('nghttpd'))('nghttpd, which speaks HTTP/2 only, is named as such', async () => {
  const port = await freePort()
  await start('nghttpd', [String(port), key, cert], port)
  await expectFailures(port, 'connection_reset', HTTP_2_ONLY)
})

test.skipIf(!has('stunnel4'))('stunnel that wants a client certificate is named as such', async () => {
  const port = await freePort()
  const configuration = join(folder, 'stunnel.conf')
  await writeFile(
    configuration,
    `foreground = yes\npid =\n[https]\naccept = 127.0.0.1:${port}\nconnect = 127.0.0.1:9\ncert = ${join(folder, 'both.pem')}\nCAfile = ${cert}\nverifyChain = yes\n`,
  )
  await start('stunnel4', [configuration], port)
  await expectFailures(port, 'tls_failed', WANTS_CERTIFICATE)
})

describe.skipIf(!has('haproxy'))('HAProxy', () => {
  async function startHaproxy(frontend: string): Promise<number> {
    const port = await freePort()
    const configuration = join(folder, 'haproxy.cfg')
    await writeFile(
      configuration,
      `defaults
  mode http
  timeout connect 2s
  timeout server 20s
  timeout client 20s
frontend receiver
  bind 127.0.0.1:${port} ssl crt ${join(folder, 'both.pem')} ${frontend}
`,
    )
    await start('haproxy', ['-db', '-f', configuration], port)
    return port
  }

  test('that wants a client certificate is named as such', async () => {
    const port = await startHaproxy(`ca-file ${cert} verify required\n  http-request return status 200`)
    await expectFailures(port, 'tls_failed', WANTS_CERTIFICATE)
  })

  test('that gives up idle connections costs no failure, and what is sent again is counted', async () => {
    const port = await startHaproxy('\n  timeout http-keep-alive 200ms\n  http-request return status 200')
    const send = sending.to(port)
    let sentAgain = 0
    for (let count = 0; count < 200; count++) {
      const result = await send()
      expect(result).toMatchObject({ failure: null, reply: { statusCode: 200 } })
      sentAgain += result.requestCount - 1
      await delay(190 + (count % 20))
    }
    console.log(`HAProxy gave up an idle connection under ${sentAgain} of 200 requests.`)
  })

  test('passes on interim replies, and the keep-alive hint of the server behind it', async () => {
    const backend = createServer({ keepAliveTimeout: 2_000 }, (request, response) => {
      response.writeContinue()
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
      request.resume().on('end', () => response.end('ok'))
    })
    backend.listen(0, '127.0.0.1')
    await once(backend, 'listening')
    const { port: backendPort } = backend.address() as AddressInfo
    const port = await startHaproxy(`\n  default_backend app\nbackend app\n  server one 127.0.0.1:${backendPort}`)
    const send = sending.to(port)
    for (let count = 0; count < 5; count++) {
      const result = await send()
      expect(result).toMatchObject({ failure: null, requestCount: 1, reply: { statusCode: 200 } })
      expect(result.reply?.headers).toContainEqual([expect.stringMatching(/^keep-alive$/i), 'timeout=2'])
      // Each request has a connection of its own: two seconds or less are not used.
      expect(result.timing.tlsMs).not.toBeNull()
    }
    backend.closeAllConnections()
    backend.close()
  })
})

describe.skipIf(!has('apache2'))('Apache', () => {
  async function startApache(directives: string): Promise<number> {
    const port = await freePort()
    const configuration = join(folder, 'apache.conf')
    const modules = ['mpm_event', 'authz_core', 'ssl', 'mime', 'dir', 'alias', 'reqtimeout', 'headers', 'http2']
    await writeFile(
      configuration,
      `ServerRoot ${folder}
ServerName receiver.test
PidFile ${folder}/apache.pid
ErrorLog ${folder}/apache.log
Mutex file:${folder}
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
Listen 127.0.0.1:${port} https
SSLEngine on
SSLCertificateFile ${cert}
SSLCertificateKeyFile ${key}
TypesConfig /dev/null
DocumentRoot ${folder}
${directives}
`,
      'latin1',
    )
    await start('apache2', ['-DFOREGROUND', '-f', configuration], port)
    return port
  }

  test('that wants a client certificate is named as such', async () => {
    const port = await startApache(`SSLCACertificateFile ${cert}\nSSLVerifyClient require`)
    await expectFailures(port, 'tls_failed', WANTS_CERTIFICATE)
  })

  test('that speaks HTTP/2 only is named as such, or answers in HTTP/1.1', async () => {
    const port = await startApache('Protocols h2\nRedirect 204 /hooks')
    const { failure, reply } = await sending.to(port)()
    if (failure) expect(failure.message).toMatch(HTTP_2_ONLY)
    else expect(reply?.statusCode).toBe(204)
  })

  test('answers in the charset it declares', async () => {
    const port = await startApache('ErrorDocument 404 "Zoë"')
    const result = await sending.to(port)()
    expect(result.reply?.headers).toContainEqual(['Content-Type', 'text/html; charset=iso-8859-1'])
    expect(readReplyBody(result)).toEqual({ text: 'Zoë', truncated: false, note: null })
  })

  test('that gives up slow requests and idle connections costs no failure', async () => {
    const port = await startApache(
      'KeepAliveTimeout 200ms\nRequestReadTimeout handshake=1 header=1 body=1\nRedirect 204 /hooks',
    )
    const send = sending.to(port)
    let sentAgain = 0
    for (let count = 0; count < 100; count++) {
      const result = await send()
      expect(result).toMatchObject({ failure: null, reply: { statusCode: 204 } })
      sentAgain += result.requestCount - 1
      await delay(190 + (count % 20))
    }
    console.log(`Apache gave up an idle connection under ${sentAgain} of 100 requests.`)
  })
})

describe.skipIf(!has('nginx'))('nginx', () => {
  async function startNginx(server: string): Promise<number> {
    const port = await freePort()
    const configuration = join(folder, 'nginx.conf')
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${folder};`)
    await writeFile(
      configuration,
      `daemon off; pid ${folder}/nginx.pid; error_log stderr; events {}
       http { access_log off; ${paths.join(' ')}
         server { listen 127.0.0.1:${port} ssl; ssl_certificate ${cert}; ssl_certificate_key ${key}; ${server} } }`,
    )
    await start('nginx', ['-c', configuration, '-p', folder], port)
    return port
  }

  test('that wants a client certificate answers 400 in HTTP, which is kept', async () => {
    const send = sending.to(await startNginx(`ssl_verify_client on; ssl_client_certificate ${cert};`))
    const result = await send()
    expect(outcomeOf(result)).toMatchObject({ statusCode: 400, errorCode: 'http_status' })
    expect(readReplyBody(result)?.text).toContain('No required SSL certificate was sent')
  })

  test('that refuses a large body early keeps its 413', async () => {
    const send = sending.to(await startNginx('client_max_body_size 100k; location / { return 204; }'))
    for (let count = 0; count < 20; count++) {
      expect(outcomeOf(await send({ body: BODY_256_KB }))).toMatchObject({ statusCode: 413, errorCode: 'http_status' })
    }
  })

  test('that gives up idle connections costs no failure, and what is sent again is counted', async () => {
    const send = sending.to(await startNginx('keepalive_timeout 200ms; return 204;'))
    let sentAgain = 0
    for (let count = 0; count < 200; count++) {
      const result = await send()
      expect(result).toMatchObject({ failure: null, reply: { statusCode: 204 } })
      sentAgain += result.requestCount - 1
      await delay(190 + (count % 20))
    }
    console.log(`nginx gave up an idle connection under ${sentAgain} of 200 requests.`)
  })

  test('of version 1.22 takes an interim reply of the server behind it for the final one; the real one still decides', async () => {
    const backend = createServer((request, response) => {
      response.writeContinue()
      request.resume().on('end', () => response.writeHead(201).end('ok'))
    })
    backend.listen(0, '127.0.0.1')
    await once(backend, 'listening')
    const { port: backendPort } = backend.address() as AddressInfo
    const send = sending.to(await startNginx(`location / { proxy_pass http://127.0.0.1:${backendPort}; }`))
    const result = await send()
    expect(outcomeOf(result)).toMatchObject({ kind: 'delivered', statusCode: 201 })
    // nginx announced no end, because it took the whole final reply for a body.
    expect(readReplyBody(result)).toMatchObject({
      text: 'ok',
      note: expect.stringContaining('did not come within 3 s'),
    })
    backend.closeAllConnections()
    backend.close()
  })
})
