import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../src/dev/free-port.ts'

const ROOT = join(import.meta.dirname, '../..')
const FIVE_MINUTES_MS = 300_000

/** What the README's commands say, run on a copy that holds nothing but what is tracked. */
describe('on a clean copy', () => {
  let folder: string
  let gateway: ChildProcess
  let output = ''
  let url: string
  let key: string
  let tenant: string
  const startedAt = performance.now()
  const programs: ChildProcess[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sivo clean copy '))
    const tracked = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT })
    // Git also names files that were removed and are not committed yet.
    const paths = tracked
      .toString()
      .split('\0')
      .filter((path) => path && existsSync(join(ROOT, path)))
    execFileSync('xargs', ['-0', 'cp', '-a', '--parents', '-t', folder], { cwd: ROOT, input: paths.join('\0') })
    await start()
    url = /GraphQL\s+(\S+)/.exec(output)![1]!
    key = /Operator key\s+(\S+)/.exec(output)![1]!
    tenant = /Demo tenant\s+(\S+)/.exec(output)![1]!
  }, 300_000)

  async function start(): Promise<void> {
    output = ''
    gateway = spawn('npm', ['start'], {
      cwd: folder,
      env: { ...withoutProjectNode(process.env), PORT: '0', NO_COLOR: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    gateway.stderr!.on('data', (text) => {
      output += text
    })
    const ready = new Promise<void>((resolve, reject) => {
      createInterface({ input: gateway.stdout! }).on('line', (line) => {
        output += `${line}\n`
        if (line.includes('#token=')) resolve()
      })
      gateway.once('exit', (code) => reject(new Error(`npm start ended with ${code}:\n${output}`)))
    })
    await ready
  }

  afterAll(async () => {
    for (const { pid, exitCode } of programs) if (exitCode === null) process.kill(-pid!, 'SIGKILL')
    if (gateway && gateway.exitCode === null) {
      gateway.kill('SIGKILL')
      await once(gateway, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  })

  test(
    'the quickstart, as it is written, receives and verifies its first event within five minutes, npm start included',
    async () => {
      const page = await readFile(join(folder, 'docs/quickstart.md'), 'utf8')
      const [, receiver] = /^```js file=receiver\.mjs\n([\s\S]*?)^```$/m.exec(page)!
      await writeFile(join(folder, 'receiver.mjs'), receiver!)
      const receiverPort = await freePort()
      const commands = [...page.matchAll(/^```sh terminal=(\d)\n([\s\S]*?)^```$/gm)].map(([, terminal, text]) => ({
        terminal,
        text: text!
          .replaceAll('sivo_…', key)
          .replaceAll('ten_…', tenant)
          .replaceAll('http://localhost:4000', url.replace('/graphql', ''))
          .replaceAll('localhost:8000', `127.0.0.1:${receiverPort}`),
      }))
      expect(commands.map(({ terminal }) => terminal)).toEqual(['1', '2', '3', '4'])
      expect(commands[0]!.text).toBe('npm start\n')

      /** Types the commands of a terminal, and returns what it shows. */
      const type = (text: string) => {
        const env = { ...withoutProjectNode(process.env), PORT: String(receiverPort), XDG_CONFIG_HOME: folder }
        // A group of its own, so that everything that it starts can be ended.
        const shell = spawn('bash', ['-e'], { cwd: folder, env, detached: true })
        programs.push(shell)
        let shown = ''
        for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (chunk) => (shown += chunk))
        shell.stdin.end(text)
        return { shown: () => shown, ended: once(shell, 'close') }
      }
      const until = async (holds: () => boolean | Promise<boolean>, what: () => string) => {
        while (!(await holds())) {
          if (performance.now() - startedAt > FIVE_MINUTES_MS) throw new Error(`Not within five minutes:\n${what()}`)
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      }
      const receiving = type(commands[1]!.text)
      const answers = () =>
        fetch(`http://127.0.0.1:${receiverPort}`).then(
          () => true,
          () => false,
        )
      await until(answers, receiving.shown)
      const listening = type(commands[2]!.text)
      await until(() => /^Connected to/m.test(listening.shown()), listening.shown)
      const publishing = type(commands[3]!.text)
      await publishing.ended
      const [id] = /evt_\w+/.exec(publishing.shown()) ?? []
      expect(id, publishing.shown()).toBeDefined()
      await until(
        () => receiving.shown().includes(`verified: agent.paused ${id}`),
        () => receiving.shown() + listening.shown(),
      )
      expect(performance.now() - startedAt).toBeLessThan(FIVE_MINUTES_MS)
    },
    FIVE_MINUTES_MS,
  )

  test('npm start shows demo deliveries within sixty seconds of being ready', async () => {
    const query = `query ($tenant: ID!) { deliveries(filter: { tenantId: $tenant, statuses: [SUCCEEDED] }) { nodes { id lastLatencyMs } } }`
    const deadline = performance.now() + 60_000
    for (;;) {
      const { data } = await ask({ query, variables: { tenant } })
      if (data.deliveries.nodes.length > 0) return
      if (performance.now() > deadline) throw new Error(`No delivery succeeded:\n${output}`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  })

  test('npm start prints the console link last, all of it again with another link for l and Enter, and both are an operator’s at the demo tenant', async () => {
    const welcome = output.slice(output.indexOf('SIVO Webhooks is ready.')).split('{"level"')[0]!
    expect(welcome.trimEnd().split('\n').at(-1)).toContain('#token=')
    expect(welcome).toMatch(
      /signs in once, until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.\n {2}Type l and Enter to see all this again/,
    )
    gateway.stdin!.write('l\n')
    const linksOf = () => [...output.matchAll(/http:\S+\/#token=([^&\s]+)&tenant=(\S+)/g)]
    const deadline = performance.now() + 20_000
    while (linksOf().length < 2) {
      if (performance.now() > deadline) throw new Error(`No second link came:\n${output}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const [first, second] = linksOf()
    expect(output.split(key).length - 1).toBeGreaterThanOrEqual(2)
    expect(first![1]).not.toBe(second![1])
    for (const [, token, ofTenant] of [first!, second!]) {
      expect(ofTenant).toBe(tenant)
      const origin = new URL(url).origin
      const headers = { 'content-type': 'application/json', 'x-sivo-csrf': '1', origin }
      const signedIn = await fetch(`${origin}/session`, { method: 'POST', headers, body: JSON.stringify({ token }) })
      expect(await signedIn.json()).toEqual({ expiresAt: expect.any(String) })
      const cookie = signedIn.headers.getSetCookie()[0]!.split(';')[0]!
      const query = '{ viewer { role } tenants { nodes { id } } }'
      const reply = await fetch(url, {
        method: 'POST',
        headers: { ...headers, cookie },
        body: JSON.stringify({ query }),
      })
      const { data } = (await reply.json()) as {
        data: { viewer: { role: string }; tenants: { nodes: { id: string }[] } }
      }
      expect(data.viewer.role).toBe('OPERATOR')
      expect(data.tenants.nodes.map(({ id }) => id)).toContain(tenant)
    }
  })

  test('the first session of the README works as it is written', async () => {
    const readme = await readFile(join(folder, 'README.md'), 'utf8')
    const bodies = [...readme.matchAll(/-d '(\{[\s\S]*?\})'\n/g)].map(([, body]) =>
      JSON.parse(body!.replaceAll(`'"$TENANT"'`, tenant)),
    )
    expect(bodies).toHaveLength(3)
    const [publish, list, watch] = bodies
    const published = await ask(publish)
    expect(published.data.publishEvents.events).toMatchObject([{ duplicate: false, deliveryCount: 1 }])
    const again = await ask(publish)
    expect(again.data.publishEvents.events).toEqual([{ ...published.data.publishEvents.events[0], duplicate: true }])
    const listed = await ask(list)
    expect(listed.data.deliveries.nodes[0].id).toMatch(/^dlv_/)
    const stream = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify(watch),
    })
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (!text.includes('"cursor"')) text += (await reader.read()).value ?? ''
    expect(text).toContain('event: next')
    await reader.cancel()
  })

  test('SIGTERM ends it in order with exit code 0, and the data is found again', async () => {
    gateway.kill('SIGTERM')
    const [code] = await once(gateway, 'exit')
    expect(code, output).toBe(0)
    expect(await readFile(join(folder, '.data', 'operator-key'), 'utf8')).toContain(key)
  }, 30_000)

  test('when its Postgres is killed, npm start ends with how to start again', async () => {
    await start()
    const [pid] = (await readFile(join(folder, '.data/postgres/pgdata/postmaster.pid'), 'utf8')).split('\n')
    const ended = once(gateway, 'close')
    process.kill(Number(pid), 'SIGKILL')
    expect(await ended).toEqual([1, null])
    expect(output).toMatch(
      /^Postgres on .*pgdata ended by the signal SIGKILL\..* "dmesg" says so then\. Nothing that was acknowledged is lost\. Start again in the same way/m,
    )
  }, 60_000)

  async function ask(body: object) {
    const reply = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const json = await reply.json()
    if (json.errors) throw new Error(JSON.stringify(json.errors))
    return json
  }
})

/** The environment of somebody whose Node is the machine's own. */
function withoutProjectNode(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const path = (env['PATH'] ?? '').split(':').filter((entry) => !entry.includes('node_modules'))
  const own = Object.entries(env).filter(([name]) => !/^(npm_|VITEST|NODE_ENV|NODE_OPTIONS)/.test(name))
  return { ...Object.fromEntries(own), PATH: path.join(':') }
}
