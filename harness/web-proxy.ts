// nginx, HAProxy and Caddy in front of API processes, with the configurations of deploy/ as they are: only names, ports and
// certificates are replaced. Each listens with TLS on a free port of the loopback interface.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../src/dev/free-port.ts'

export const WEB_PROXIES = ['nginx', 'haproxy', 'caddy'] as const
export type WebProxyKind = (typeof WEB_PROXIES)[number]

export type WebProxy = { readonly url: string; readonly port: number; close(): Promise<void> }

export type WebProxyOptions = {
  /** The ports of two API processes on the loopback interface. */
  readonly upstreamPorts: readonly [number, number]
  /** PEM, for `localhost`. */
  readonly certificate: { readonly cert: string; readonly key: string }
}

const DEPLOY = fileURLToPath(new URL('../deploy/', import.meta.url))
const LISTENS_WITHIN_MS = 10_000

export function hasProgram(name: string): boolean {
  return spawnSync('which', [name]).status === 0
}

/** Starts the proxy. Rejects with its output when it does not listen. */
export async function startWebProxy(
  kind: WebProxyKind,
  { upstreamPorts, certificate }: WebProxyOptions,
): Promise<WebProxy> {
  const folder = await mkdtemp(join(tmpdir(), `sivo-${kind}-`))
  await chmod(folder, 0o755)
  const port = await freePort()
  const path = (name: string) => join(folder, name)
  await writeFile(path('hooks.crt'), certificate.cert)
  await writeFile(path('hooks.key'), certificate.key)
  await writeFile(path('hooks.pem'), `${certificate.cert}\n${certificate.key}`)
  const common = (text: string) =>
    text
      .replaceAll('10.0.0.21:4000', `127.0.0.1:${upstreamPorts[0]}`)
      .replaceAll('10.0.0.22:4000', `127.0.0.1:${upstreamPorts[1]}`)
      .replaceAll('/etc/ssl/sivo/', `${folder}/`)
      .replaceAll('/etc/haproxy/hooks.pem', path('hooks.pem'))
  const start: Record<WebProxyKind, () => Promise<ChildProcess>> = {
    async nginx() {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      const site = common(await read('nginx.conf')).replace('listen 443 ', `listen 127.0.0.1:${port} `)
      const head = `daemon off; pid ${path('nginx.pid')}; error_log stderr; events {}`
      const folders = temporary.map((name) => `${name}_temp_path ${path(name)};`).join(' ')
      await writeFile(path('nginx.conf'), `${head}\nhttp {\naccess_log off; ${folders}\n${site}\n}\n`)
      return spawn('nginx', ['-c', path('nginx.conf'), '-p', folder])
    },
    async haproxy() {
      const text = common(await read('haproxy.cfg')).replace('bind :443 ', `bind 127.0.0.1:${port} `)
      await writeFile(path('haproxy.cfg'), text)
      return spawn('haproxy', ['-f', path('haproxy.cfg')])
    },
    async caddy() {
      const text = common(await read('Caddyfile')).replace('hooks.example.com {', `https://localhost:${port} {`)
      await writeFile(path('Caddyfile'), `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${text}`)
      const env = { ...process.env, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
      return spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', path('Caddyfile')], { env })
    },
  }
  return untilItListens(kind, await start[kind](), { folder, port })
}

export type CellsProxyOptions = Pick<WebProxyOptions, 'certificate'> & {
  /** The ports of one or two API processes of each cell on the loopback interface. */
  readonly ports: { readonly eu1: readonly number[]; readonly us1: readonly number[] }
  /** The lines of moved.map; absent: none. */
  readonly moved?: readonly string[]
  /** By default a free one. */
  readonly port?: number
}

/** `reload`: writes moved.map, and lets HAProxy read it as `systemctl reload haproxy` does. */
export type CellsProxy = WebProxy & { reload(moved: readonly string[]): Promise<void> }

/** Starts HAProxy in front of two cells. Rejects with its output when it does not listen. */
export async function startCellsProxy({
  certificate,
  ports,
  moved = [],
  port: wanted,
}: CellsProxyOptions): Promise<CellsProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'sivo-cells-'))
  const port = wanted ?? (await freePort())
  await writeFile(join(folder, 'hooks.pem'), `${certificate.cert}\n${certificate.key}`)
  await writeFile(join(folder, 'cells.map'), await read('cells.map'))
  const writeMoved = (lines: readonly string[]) =>
    writeFile(join(folder, 'moved.map'), lines.map((line) => `${line}\n`).join(''))
  await writeMoved(moved)
  const server = (of: readonly number[], digit: string) => `127.0.0.1:${of[(Number(digit) - 1) % of.length]}`
  const config = (await read('haproxy-cells.cfg'))
    .replaceAll(/10\.0\.1\.2(\d):4000/g, (_, digit) => server(ports.eu1, digit))
    .replaceAll(/10\.0\.2\.2(\d):4000/g, (_, digit) => server(ports.us1, digit))
    .replaceAll('/etc/haproxy/', `${folder}/`)
    .replace('(__Host-sivo_session)', `(__Host-sivo_session_${port})`)
    .replace('bind :443 ', `bind 127.0.0.1:${port} `)
  await writeFile(join(folder, 'haproxy.cfg'), config)
  const start = (...more: string[]) => spawn('haproxy', ['-f', join(folder, 'haproxy.cfg'), ...more])
  const first = start()
  let newest = first
  const proxy = await untilItListens('haproxy', first, { folder, port })
  return {
    ...proxy,
    async reload(lines) {
      await writeMoved(lines)
      // The new process takes the port over, and the one before answers what it has begun.
      newest = start('-sf', String(newest.pid))
    },
    async close() {
      newest.kill('SIGKILL')
      await proxy.close()
    },
  }
}

async function untilItListens(
  name: string,
  child: ChildProcess,
  { folder, port }: { folder: string; port: number },
): Promise<WebProxy> {
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      said = (said + chunk).slice(-8_000)
    })
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const deadline = Date.now() + LISTENS_WITHIN_MS
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await close()
      throw new Error(`${name} does not listen at ${port}:\n${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { url: `https://localhost:${port}`, port, close }
}

function read(name: string): Promise<string> {
  return readFile(join(DEPLOY, name), 'utf8')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
