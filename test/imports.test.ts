import { readdir, readFile } from 'node:fs/promises'
import { join, normalize, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

const SOURCE = join(import.meta.dirname, '../src')

/** Read as "a may import b"; what is not listed is not allowed. `generated` is Prisma's client. */
const MAY_IMPORT: Record<string, string[]> = {
  main: ['app', 'config', 'dev', 'domain', 'errors', 'gateway', 'log', 'migrate', 'schema', 'server'],
  cli: ['app', 'config', 'context', 'dev', 'domain', 'gateway', 'generated', 'log', 'migrate', 'vault'],
  dev: ['app', 'config', 'context', 'domain', 'gateway', 'generated'],
  app: [
    'bell',
    'change-feed',
    'config',
    'context',
    'domain',
    'egress',
    'gateway',
    'generated',
    'hot-database',
    'jobs',
    'liveness',
    'metrics',
    'vault',
  ],
  server: [
    'change-feed',
    'context',
    'domain',
    'errors',
    'gateway',
    'generated',
    'hot-database',
    'migrate',
    'partitions',
    'schema',
  ],
  schema: ['change-feed', 'context', 'domain', 'errors', 'gateway', 'generated'],
  jobs: ['context', 'gateway', 'partitions', 'queue'],
  gateway: ['context', 'domain', 'errors', 'generated', 'hot-database', 'queue', 'recordset', 'vault'],
  context: ['config', 'domain', 'gateway', 'generated', 'hot-database', 'vault'],
  'change-feed': ['change-bell', 'domain', 'errors', 'generated', 'hot-database'],
  'change-bell': ['queue'],
  bell: ['domain', 'hot-database', 'queue'],
  liveness: ['domain', 'hot-database'],
  migrate: ['partitions'],
  config: ['domain'],
  errors: ['domain'],
  egress: ['domain'],
  domain: ['generated'],
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

const roomOf = (path: string) => path.split('/')[0]!.replace(/\.tsx?$/, '')

describe('imports point one way', async () => {
  const files = (await readdir(SOURCE, { recursive: true }))
    .filter((path) => path.endsWith('.ts') && !path.startsWith('generated'))
    .map((path) => join(SOURCE, path))
  const all = (await Promise.all(files.map(importsOf))).flat()
  const own = all.filter(({ target }) => target.endsWith('.ts'))

  test('from a room only to the rooms it may know', () => {
    const wrong = own.filter(({ file, target }) => {
      const [from, to] = [roomOf(file), roomOf(target)]
      return from !== to && !MAY_IMPORT[from]?.includes(to)
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

  test('the gateway never sees GraphQL, graphile-worker or undici', () => {
    const kept = ['graphql', 'graphql-yoga', '@pothos/core', 'graphile-worker', 'undici']
    expect(all.filter(({ file, target }) => roomOf(file) === 'gateway' && kept.includes(target))).toEqual([])
  })
})
