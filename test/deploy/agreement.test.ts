// deploy/ agrees with the gateway and with docs/operating.md: settings exist, times fit, and no other tool is meant.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { hasProgram } from '../../harness/web-proxy.ts'
import { readConfig } from '../../src/config.ts'
import { linesOfCells } from '../../src/domain/access/cell-map.ts'
import { settingNames } from '../support/setting-names.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const FILES = readdirSync(join(ROOT, 'deploy'), { recursive: true, encoding: 'utf8' })
  .map((name) => `deploy/${name}`)
  .filter((path) => statSync(join(ROOT, path)).isFile())

/** SIVO_DRAIN_DELAY and what a process takes to stop. */
const STOP_SECONDS = 5 + 15

test('every setting that deploy/ names is one that the gateway reads and the operating page explains', () => {
  const settings = settingNames()
  const page = read('docs/operating.md')
  const named = new Set(FILES.flatMap((path) => read(path).match(/\b(?:SIVO_[A-Z_]+|DATABASE_[A-Z_]*URL)\b/g) ?? []))
  expect(named.size).toBeGreaterThan(6)
  expect([...named].filter((name) => !settings.includes(name) || !page.includes(`\`${name}\``))).toEqual([])
})

test('the map of cells is the one that the command prints for the cells of the configuration beside it', () => {
  const cells = [...read('deploy/haproxy-cells.cfg').matchAll(/^backend cell_(\w+)$/gm)].map(([, cell]) => cell!)
  expect(cells).toEqual(['eu1', 'us1'])
  expect(read('deploy/cells.map')).toBe(`${linesOfCells(cells).join('\n')}\n`)
})

test('the operating page links every part of deploy/', () => {
  const page = read('docs/operating.md')
  const parts = FILES.filter((path) => !/helm\/.+\/|prometheus\//.test(path))
  expect(parts.filter((path) => !page.includes(`../${path}`))).toEqual([])
  expect(page).toContain('../deploy/helm/sivo-webhooks')
  expect(page).toContain('../deploy/prometheus')
})

test('each supervisor waits for the drain and 15 seconds more', () => {
  const compose = parse(read('deploy/compose.yaml'), { merge: true })
  expect(Number.parseInt(compose.services.api.stop_grace_period, 10)).toBeGreaterThanOrEqual(STOP_SECONDS)
  expect(Number(/TimeoutStopSec=(\d+)/.exec(read('deploy/systemd/sivo@.service'))![1])).toBeGreaterThanOrEqual(
    STOP_SECONDS,
  )
  const values = parse(read('deploy/helm/sivo-webhooks/values.yaml'))
  expect(values.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(STOP_SECONDS)
  expect(values.drainDelay).toBe('5s')
})

test('the settings of compose and of the chart start a gateway', () => {
  const compose = parse(read('deploy/compose.yaml'), { merge: true })
  const secrets = { SIVO_OPERATOR_KEY: 'k'.repeat(24), SIVO_SECRETS_KEY: Buffer.alloc(32).toString('base64') }
  for (const role of ['api', 'worker']) {
    const { environment } = compose.services[role]
    const config = readConfig({
      ...environment,
      ...secrets,
      DATABASE_URL: environment.DATABASE_URL.replace(/\$\{.*?\}/, 'secret'),
      SIVO_PUBLIC_URL: 'https://hooks.example.com',
    })
    expect([config.role, config.drainDelayMs, config.trustedProxies.length]).toEqual([role, 5_000, 1])
  }
})

test('the processes of compose fit into the connections of its Postgres', () => {
  const { services } = parse(read('deploy/compose.yaml'), { merge: true })
  const processes = services.api.deploy.replicas + services.worker.deploy.replicas
  const most = Number(services.postgres.command.join(' ').match(/max_connections=(\d+)/)[1])
  expect(processes * 20 + 20).toBeLessThanOrEqual(most)
})

test('the image runs without rights, and builds nothing at its start', () => {
  const [build, last] = read('deploy/Dockerfile')
    .split(/^FROM .+$/m)
    .slice(-2)
  expect(last).toContain('USER node')
  expect(last).not.toMatch(/npm|prisma generate|^RUN/m)
  const [, start] = /^CMD (.+)$/m.exec(last!)!
  expect(JSON.parse(start!)).toEqual(['node', '--max-semi-space-size=32', 'src/main.mjs'])
  // Code that was compiled with other flags, or by another user, is not used.
  expect(build).toMatch(new RegExp(`^USER node\\nRUN DATABASE_URL=none ${JSON.parse(start!).join(' ')} `, 'm'))
})

describe('the chart', () => {
  test('its values are those that its templates use', () => {
    const values = parse(read('deploy/helm/sivo-webhooks/values.yaml'))
    const templates = FILES.filter((path) => path.includes('/templates/'))
      .map(read)
      .join('\n')
    const used = [...templates.matchAll(/\.Values\.([a-zA-Z.]+)/g)].map(([, path]) => path!)
    const unknown = used.filter((path) => path.split('.').reduce((at, key) => at?.[key], values) === undefined)
    expect(unknown).toEqual([])
    const unused = Object.keys(values).filter(
      (key) => !used.some((path) => path.split('.')[0] === key) && !templates.includes(`"${key}"`),
    )
    expect(unused).toEqual([])
  })

  test.skipIf(!hasProgram('helm'))(
    'helm finds nothing wrong, and renders two deployments, a service and a budget',
    () => {
      const chart = join(ROOT, 'deploy/helm/sivo-webhooks')
      expect(spawnSync('helm', ['lint', '--strict', chart]).status).toBe(0)
      const { stdout } = spawnSync('helm', ['template', 'sivo', chart], { encoding: 'utf8' })
      const kinds = parseAllDocuments(stdout).map((document) => document.toJS()?.kind)
      expect(kinds.filter(Boolean).sort()).toEqual(['Deployment', 'Deployment', 'PodDisruptionBudget', 'Service'])
    },
  )

  test.skipIf(!hasProgram('helm'))('what helm renders starts a gateway, with the settings that were added', () => {
    const chart = join(ROOT, 'deploy/helm/sivo-webhooks')
    const added = ['--set', 'settings.SIVO_RETENTION_DAYS=30', '--set', 'settings.LOG_LEVEL=debug']
    const { stdout } = spawnSync('helm', ['template', 'sivo', chart, ...added], { encoding: 'utf8' })
    const deployments = parseAllDocuments(stdout)
      .map((document) => document.toJS())
      .filter((each) => each?.kind === 'Deployment')
    const configs = deployments.map(({ spec }) => {
      const env = spec.template.spec.containers[0].env as { name: string; value: string }[]
      return readConfig({
        ...Object.fromEntries(env.map(({ name, value }) => [name, value])),
        DATABASE_URL: 'postgres://sivo:secret@db:5432/sivo',
        SIVO_OPERATOR_KEY: 'k'.repeat(24),
        SIVO_SECRETS_KEY: Buffer.alloc(32).toString('base64'),
      })
    })
    expect(configs.map(({ role }) => role).sort()).toEqual(['api', 'worker'])
    for (const config of configs)
      expect([config.drainDelayMs, config.retentionDays, config.logLevel]).toEqual([5_000, 30, 'debug'])
  })
})

test.skipIf(!hasProgram('systemd-analyze'))(
  'systemd reads the unit without a complaint but for its absent program',
  () => {
    const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', join(ROOT, 'deploy/systemd/sivo@.service')], {
      encoding: 'utf8',
    })
    const ours = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('sivo@'))
    expect(ours.filter((line) => !line.includes('is not executable'))).toEqual([])
  },
)
