import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, normalize, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const SOURCE = join(import.meta.dirname, '../src')

/**
 * Read as "a may import b"; what is not listed is not allowed. `generated` is Prisma's client. Each folder of `gateway` is a
 * room of its own.
 */
const MAY_IMPORT: Record<string, string[]> = {
  main: ['process'],
  process: [
    'app',
    'config',
    'database',
    'databases',
    'dev',
    'domain',
    'errors',
    'gateway/admin',
    'gateway/publish',
    'log',
    'parts',
    'schema',
    'server',
    'warm-up',
  ],
  'warm-up': ['config', 'context', 'database', 'gateway/deliver', 'gateway/publish'],
  cli: [
    'config',
    'context',
    'database',
    'databases',
    'dev',
    'domain',
    'gateway/admin',
    'gateway/move',
    'gateway/publish',
    'generated',
    'log',
    'vault',
  ],
  dev: ['app', 'config', 'context', 'domain', 'gateway/admin', 'gateway/publish', 'gateway/receiver', 'generated'],
  gauges: ['gateway/statistics'],
  tracing: ['domain'],
  databases: ['config', 'database', 'domain', 'generated', 'log', 'metrics', 'parts'],
  app: [
    'config',
    'context',
    'databases',
    'domain',
    'gateway/deliver',
    'gateway/publish',
    'gateway/recover',
    'gateway/search',
    'gateway/statistics',
    'gauges',
    'gateway/retention',
    'generated',
    'live',
    'log',
    'metrics',
    'parts',
    'tracing',
    'vault',
    'worker',
  ],
  worker: ['context', 'database', 'databases', 'egress', 'gateway', 'jobs', 'metrics', 'parts'],
  server: [
    'config',
    'context',
    'database',
    'domain',
    'egress',
    'errors',
    'gateway',
    'generated',
    'live',
    'log',
    'schema',
  ],
  schema: ['context', 'database', 'domain', 'errors', 'gateway', 'generated', 'live'],
  jobs: ['context', 'database', 'gateway'],
  'gateway/publish': [
    'context',
    'database',
    'domain',
    'errors',
    'gateway/deliver',
    'gateway/fairness',
    'gateway/search',
    'metrics',
  ],
  'gateway/deliver': [
    'context',
    'database',
    'domain',
    'gateway/fairness',
    'gateway/state',
    'gateway/statistics',
    'generated',
    'live',
    'metrics',
    'vault',
  ],
  'gateway/fairness': ['domain', 'errors'],
  'gateway/recover': ['context', 'database', 'domain', 'gateway/deliver', 'generated', 'metrics'],
  'gateway/retention': [
    'context',
    'database',
    'domain',
    'errors',
    'gateway/admin',
    'gateway/search',
    'gateway/state',
    'gateway/statistics',
    'generated',
    'metrics',
  ],
  'gateway/retry': [
    'context',
    'database',
    'domain',
    'errors',
    'gateway/admin',
    'gateway/health',
    'gateway/state',
    'gateway/statistics',
    'generated',
    'live',
  ],
  'gateway/admin': ['context', 'database', 'domain', 'errors', 'gateway/state', 'generated', 'vault'],
  'gateway/state': ['context', 'database', 'domain', 'gateway/statistics', 'generated'],
  'gateway/health': ['context', 'database', 'domain', 'gateway/state', 'gateway/statistics'],
  'gateway/search': ['context', 'database', 'domain'],
  'gateway/receiver': [
    'config',
    'context',
    'domain',
    'errors',
    'gateway/admin',
    'gateway/state',
    'generated',
    'live',
    'vault',
  ],
  'gateway/move': ['database', 'domain', 'vault'],
  'gateway/notices': ['context', 'database', 'domain', 'gateway/publish', 'generated', 'vault'],
  'gateway/statistics': ['context', 'database', 'domain'],
  context: ['config', 'database', 'domain', 'generated', 'vault'],
  live: ['database', 'domain', 'errors', 'generated'],
  database: ['domain'],
  config: ['database', 'domain'],
  errors: ['domain'],
  egress: ['domain'],
  domain: ['generated'],
}

/**
 * The rooms of a folder in their order: a room imports only from rooms before it. `.` are the files that lie in the folder
 * itself.
 */
const ROOMS_IN_ORDER: Record<string, string[]> = {
  domain: [
    '.',
    'values',
    'access',
    'health',
    'signing',
    'search',
    'event-types',
    'event',
    'endpoint',
    'delivery',
    'notices',
  ],
  schema: ['base', 'access', 'event', 'endpoint', 'delivery', 'health', '.'],
  server: ['http', 'access', 'pages', 'graphql', '.'],
}

type Import = { file: string; target: string; typeOnly: boolean }

async function importsOf(file: string): Promise<Import[]> {
  const text = await readFile(file, 'utf8')
  return [...text.matchAll(/^(?:import|export)\s+(type\s+)?[^'";]*?from\s+'([^']+)'/gm)].map(([, type, target]) => ({
    file: relative(SOURCE, file),
    target: target!.startsWith('.') ? relative(SOURCE, normalize(join(file, '..', target!))) : target!,
    typeOnly: type !== undefined,
  }))
}

const roomOf = (path: string) => {
  const [first, second] = path.split('/')
  return (first === 'gateway' && second ? `${first}/${second}` : first!).replace(/\.tsx?$/, '')
}

/** How long things may take and when they are tried again: every room waits. */
const EVERY_ROOM = ['waiting']

const mayImport = (from: string, to: string) =>
  (EVERY_ROOM.includes(to) || MAY_IMPORT[from]?.some((allowed) => to === allowed || to.startsWith(`${allowed}/`))) ??
  false

describe('imports point one way', async () => {
  const files = (await readdir(SOURCE, { recursive: true }))
    .filter((path) => path.endsWith('.ts') && !path.startsWith('generated'))
    .map((path) => join(SOURCE, path))
  const all = (await Promise.all(files.map(importsOf))).flat()
  const own = all.filter(({ target }) => target.endsWith('.ts'))

  test('from a room only to the rooms it may know', () => {
    const wrong = own.filter(({ file, target }) => {
      const [from, to] = [roomOf(file), roomOf(target)]
      return from !== to && !mayImport(from, to)
    })
    expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([])
    expect(own.length).toBeGreaterThan(200)
  })

  test('the domain knows of the database only the names of its states', () => {
    const wrong = own.filter(
      ({ file, target, typeOnly }) => roomOf(file) === 'domain' && roomOf(target) === 'generated' && !typeOnly,
    )
    expect(wrong).toEqual([])
  })

  test.each(Object.entries(ROOMS_IN_ORDER))('from a room of %s only to the rooms before it', (folder, rooms) => {
    const innerRoomOf = (path: string) => relative(folder, dirname(path)).split('/')[0] || '.'
    const lying = files.map((file) => relative(SOURCE, file)).filter((file) => roomOf(file) === folder)
    expect(new Set(lying.map(innerRoomOf))).toEqual(new Set(rooms))

    const wrong = own.filter(
      ({ file, target }) =>
        roomOf(file) === folder &&
        roomOf(target) === folder &&
        rooms.indexOf(innerRoomOf(target)) > rooms.indexOf(innerRoomOf(file)),
    )
    expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([])
  })

  test('a lane knows of the rest of delivering only types', () => {
    const lane = 'gateway/deliver/lane'
    const outside = own.filter(
      ({ file, target }) => dirname(file) === lane && dirname(target) !== lane && roomOf(target) === 'gateway/deliver',
    )
    expect(outside.length).toBeGreaterThan(0)
    expect(outside.filter(({ typeOnly }) => !typeOnly)).toEqual([])
  })

  test('the gateway never sees GraphQL, graphile-worker or undici', () => {
    const kept = ['graphql', 'graphql-yoga', '@pothos/core', 'graphile-worker', 'undici']
    expect(all.filter(({ file, target }) => roomOf(file).startsWith('gateway') && kept.includes(target))).toEqual([])
  })
})
