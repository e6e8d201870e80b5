import { readFileSync } from 'node:fs'
import { buildSchema, findBreakingChanges, lexicographicSortSchema, printSchema } from 'graphql'
import { expect, test } from 'vitest'
import { schema } from '../../src/schema/index.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const text = read('schema.released.graphql')
const released = buildSchema(text)

const breakingChanges = (now: string) =>
  findBreakingChanges(released, buildSchema(now)).map(({ description }) => description)

test('the schema breaks no client of the last release', () => {
  expect(breakingChanges(printSchema(lexicographicSortSchema(schema)))).toEqual([])
})

test('the copy of the released schema is that of the version in package.json', () => {
  // A new version needs a new copy: node scripts/print-schema.ts --released
  expect(text.split('\n')[0]).toBe(`# The schema of release ${JSON.parse(read('package.json')).version}`)
})

test.each([
  { change: 'a removed field', from: '  lastLatencyMs: Int\n', to: '' },
  { change: 'a result that may be null now', from: '  maxAttempts: Int!', to: '  maxAttempts: Int' },
  { change: 'a field of an input that became required', from: '  subject: String\n', to: '  subject: String!\n' },
  { change: 'a removed word of an enum', from: '  PAUSED\n', to: '' },
])('$change breaks clients, and is found', ({ from, to }) => {
  const bare = text.replaceAll(/^ *"""[\s\S]*?"""\n/gm, '')
  expect(breakingChanges(bare)).toEqual([])
  expect(bare).toContain(from)
  expect(breakingChanges(bare.replaceAll(from, to)).length).toBeGreaterThan(0)
})
