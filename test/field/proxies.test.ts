// Streams of events through real proxies with their plain configuration: what changes arrives at once, and a reader that
// leaves ends its stream at the gateway.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../src/dev/free-port.ts'
import { type LiveGateway, openLiveGateway } from '../live/live-gateway.ts'
import { has, workFolder } from './programs.ts'
import { type Server, startServer } from './receivers/servers.ts'

let gateway: LiveGateway
beforeAll(async () => {
  gateway = await openLiveGateway()
})
afterAll(() => gateway.close())

/** Each starts in front of the gateway and listens at the port. */
const PROXIES: Record<string, (upstream: string, port: number) => Promise<Server>> = {
  async nginx(upstream, port) {
    const folder = await workFolder('nginx')
    const config = join(folder, 'nginx.conf')
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    await writeFile(
      config,
      `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; events {}
      http {
        access_log off; ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
        server { listen 127.0.0.1:${port}; location / { proxy_pass http://${upstream}; } }
      }`,
    )
    return startServer('nginx', ['-c', config, '-p', folder], { port })
  },
  async haproxy(upstream, port) {
    const config = join(await workFolder('haproxy'), 'haproxy.cfg')
    await writeFile(
      config,
      `defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen gateway
  bind 127.0.0.1:${port}
  server gateway ${upstream}
`,
    )
    return startServer('haproxy', ['-f', config], { port })
  },
  async apache2(upstream, port) {
    const folder = await workFolder('apache')
    const config = join(folder, 'apache.conf')
    const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http']
    await writeFile(
      config,
      `${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/apache.pid
ErrorLog ${folder}/error.log
Mutex file:${folder}
ProxyPass / http://${upstream}/
`,
    )
    return startServer('apache2', ['-d', folder, '-f', config, '-DFOREGROUND'], { port })
  },
  async lighttpd(upstream, port) {
    const folder = await workFolder('lighttpd')
    const config = join(folder, 'lighttpd.conf')
    const [host, at] = upstream.split(':')
    await writeFile(
      config,
      `server.modules = ( "mod_proxy" )
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${folder}"
server.upload-dirs = ( "${folder}" )
# Without it nothing of a stream arrives before its end.
server.stream-response-body = 1
proxy.server = ( "" => (( "host" => "${host}", "port" => ${at} )) )
`,
    )
    return startServer('lighttpd', ['-D', '-f', config], { port })
  },
  async varnishd(upstream, port) {
    const folder = await workFolder('varnish')
    const [listen, folderOption] = [`127.0.0.1:${port}`, join(folder, 'instance')]
    // One process would have no administration port to ask; -F stays in the foreground.
    return startServer('varnishd', ['-F', '-a', listen, '-b', upstream, '-n', folderOption, '-j', 'none'], { port })
  },
  async h2o(upstream, port) {
    const folder = await workFolder('h2o')
    const config = join(folder, 'h2o.yaml')
    await writeFile(
      config,
      `listen: { host: 127.0.0.1, port: ${port} }
error-log: ${folder}/error.log
hosts:
  default:
    paths:
      /: { proxy.reverse.url: "http://${upstream}/" }
${process.getuid?.() === 0 ? 'user: root\n' : ''}`,
    )
    return startServer('h2o', ['-m', 'worker', '-c', config], { port })
  },
  async caddy(upstream, port) {
    const config = join(await workFolder('caddy'), 'Caddyfile')
    // Told to compress, as Caddy often is: a stream arrives at once all the same.
    await writeFile(
      config,
      `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  encode gzip
  reverse_proxy ${upstream}
}
`,
    )
    return startServer('caddy', ['run', '--config', config, '--adapter', 'caddyfile'], { port })
  },
}

/** They write the last chunk that the gateway left out: h2o 2.2, Caddy 2.6 (2.10 no longer does). */
const ENDS_BROKEN_STREAMS = ['h2o', 'caddy']

/** Most notice that a reader left when they cannot pass on what comes next, Varnish with the third of these batches. */
const LEAVES_WITHIN = { timeout: 40_000 }

const QUERY = '{"query":"subscription { deliveryUpdates { deliveries { id } } }"}'

describe.each(Object.keys(PROXIES))('through %s', (name) => {
  let port: number
  let proxy: Server | null = null
  beforeAll(async () => {
    if (!has(name)) return
    port = await freePort()
    proxy = await PROXIES[name]!(new URL(gateway.url).host, port)
  })
  afterAll(() => proxy?.stop())

  const openEvents = async (signal: AbortSignal) => {
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      signal,
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${gateway.key}`,
      },
      body: QUERY,
    })
    expect(response.status).toBe(200)
    return response.body!.pipeThrough(new TextDecoderStream()).getReader()
  }

  test.skipIf(!has(name))('the first batch and each change arrive within a second', async () => {
    const leaving = new AbortController()
    const events = await openEvents(leaving.signal)
    let text = String((await events.read()).value)
    expect(text).toContain('"deliveries":[]')
    const startedMs = performance.now()
    const [id] = await gateway.deliver(1)
    while (!text.includes(id!)) text += (await events.read()).value
    expect(performance.now() - startedMs).toBeLessThan(1_000)
    leaving.abort()
    await expect.poll(gateway.openStreams, LEAVES_WITHIN).toBe(0)
  })

  test.skipIf(!has(name))('of 40 readers that leave, some before their first batch, none is left', async () => {
    await Promise.all(
      Array.from({ length: 40 }, async (_, reader) => {
        const leaving = new AbortController()
        const opened = openEvents(leaving.signal).catch(() => {})
        await delay(reader * 5)
        leaving.abort()
        await opened
      }),
    )
    await expect.poll(gateway.openStreams, LEAVES_WITHIN).toBe(0)
  })

  test.skipIf(!has(name))('a gateway that stops breaks the stream off, and does not complete it', async () => {
    const events = await openEvents(new AbortController().signal)
    let text = String((await events.read()).value)
    await gateway.stop()
    const broken = await (async () => {
      for (;;) {
        const { done, value } = await events.read()
        if (done) return 'ended'
        text += value
      }
    })().catch(() => 'broken')
    await gateway.start()
    expect(text).not.toContain('event: complete')
    // "complete" is missing either way, so that clients come back.
    expect(ENDS_BROKEN_STREAMS.includes(name) ? ['ended', 'broken'] : ['broken']).toContain(broken)
  })
})
