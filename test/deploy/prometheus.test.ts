// Debian's Prometheus with the files of deploy/, against a gateway that runs: it scrapes, answers the questions of the
// dashboard, and faults that are real become alerts. Only addresses and times differ from the files.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasProgram } from '../../harness/web-proxy.ts'
import { freePort } from '../../src/dev/free-port.ts'
import { schema } from '../../src/schema/index.ts'
import { type Server, startServer } from '../../src/server/http.ts'
import { type House, openHouse } from '../support/house.ts'

const DEPLOY = join(import.meta.dirname, '../../deploy')
const read = (path: string) => readFile(join(DEPLOY, path), 'utf8')

type Alert = { labels: Record<string, string>; state: string; annotations: { runbook: string } }

describe.skipIf(!hasProgram('prometheus'))('a Prometheus that reads the files of deploy/', () => {
  let house: House
  let server: Server
  let folder: string
  let prometheus: ChildProcess
  let url: string
  let said = ''

  beforeAll(async () => {
    // Of the role `api`, so that what is due stays due.
    house = await openHouse({ PORT: '0', SIVO_ROLE: 'api' })
    await house.addEndpoint('https://receiver.example/hooks')
    await house.publish({})
    await house.app.ctx.db.$executeRaw`update delivery set next_attempt_at = now() - interval '10 minutes'`
    server = await startServer({ ...house.app, schema })
    folder = await mkdtemp(join(tmpdir(), 'sivo-prometheus-'))
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const config = (await read('prometheus/prometheus.yml'))
      .replaceAll('15s', '1s')
      .replace(/targets: \[.*\]/, `targets: ["127.0.0.1:${server.port}"]`)
    await writeFile(join(folder, 'prometheus.yml'), config)
    await writeFile(
      join(folder, 'alerts.yml'),
      (await read('prometheus/alerts.yml')).replaceAll(/^( +for: ).*$/gm, '$11s'),
    )
    prometheus = spawn('prometheus', [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ])
    prometheus.stderr?.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-4_000)
    })
    await house.until(answers, 20_000)
  })
  afterAll(async () => {
    if (prometheus?.exitCode === null) {
      prometheus.kill()
      await once(prometheus, 'exit')
    }
    await server.close(1_000)
    await house.close()
    await rm(folder, { recursive: true, force: true })
  })

  const answers = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  const ask = async (path: string) => {
    const reply = (await (await fetch(`${url}/api/v1/${path}`)).json()) as { status: string; data: never }
    expect(reply.status, `${path}: ${JSON.stringify(reply)} ${said}`).toBe('success')
    return reply.data as {
      result: { metric: Record<string, string>; value: [number, string] }[]
      alerts: Alert[]
      groups: { rules: object[] }[]
    }
  }
  const query = async (expression: string) => (await ask(`query?query=${encodeURIComponent(expression)}`)).result
  const firing = async () =>
    (await ask('alerts')).alerts
      .filter(({ state }) => state === 'firing')
      .map(({ labels }) => labels['alertname'])
      .sort()

  test('scrapes the gateway, and can answer every question of the dashboard', async () => {
    await expect.poll(async () => (await query('up{job="sivo"}'))[0]?.value[1], { timeout: 15_000 }).toBe('1')
    const { panels } = JSON.parse(await read('grafana/sivo.json')) as {
      panels: { targets: { expr: string }[] }[]
    }
    for (const { expr } of panels.flatMap(({ targets }) => targets)) await query(expr)
    expect((await query('sum(sivo_database_pool_connections)')).length).toBe(1)
    const tables = (await query('min by (table) (sivo_partitions_ahead_seconds)')).map(({ metric }) => metric['table'])
    expect(tables).toEqual(expect.arrayContaining(['attempt', 'delivery', 'event']))
  })

  test('evaluates every rule', async () => {
    await expect.poll(async () => JSON.stringify((await ask('rules')).groups)).not.toContain('"health":"unknown"')
    const rules = (await ask('rules')).groups.flatMap((group) => group.rules) as { health: string; name: string }[]
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
    expect(rules.length).toBeGreaterThan(15)
  })

  test('fires for a delivery on which nobody works and for nothing else, and then for a process that is gone', async () => {
    await expect.poll(firing, { timeout: 15_000, interval: 250 }).toEqual(['SivoBacklogOld'])
    await server.close(1_000)
    await expect.poll(firing, { timeout: 15_000, interval: 250 }).toContain('SivoDown')
  })
})
