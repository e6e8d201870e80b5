import { readFileSync } from 'node:fs'
import { parse } from 'graphql'
import { expect, test } from 'vitest'
import { MAX_IDEMPOTENCY_KEY_LENGTH, MAX_SUBJECT_LENGTH } from '../../src/domain/event/input.ts'
import { COST_LIMIT, costOf, DEPTH_LIMIT } from '../../src/schema/base/cost.ts'
import { schema } from '../../src/schema/index.ts'
import { parseBounded, RATES } from '../../src/server/http/limits.ts'

const page = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8')
const flowing = page.replaceAll('\n', ' ')
const inEnglish = (count: number) => count.toLocaleString('en')

test('docs/limits.md says what its example costs', () => {
  const [, cost, document] = /^```graphql cost=(\d+)\n([\s\S]*?)^```$/m.exec(page)!
  expect(costOf(schema, { document: parse(document!) }, {})).toBe(Number(cost))
  expect(page).toContain(`This request costs ${cost}:`)
  expect(page).toContain(`"requested": ${cost}, "limit": ${COST_LIMIT}`)
})

test('docs/limits.md states the bounds of a document as they are', () => {
  expect(flowing).toContain(`above ${inEnglish(COST_LIMIT)}, or below more than ${DEPTH_LIMIT} levels`)
  expect(page).toContain(`"limit": ${RATES.VIEWER.burst}, "remaining": ${RATES.VIEWER.burst - 1}`)
  expect([MAX_SUBJECT_LENGTH, MAX_IDEMPOTENCY_KEY_LENGTH]).toEqual([256, 256])
  const [, tokens, aliases, directives, fields] =
    /at most ([\d,]+) tokens, (\d+) aliases, (\d+) directives and ([\d,]+) fields/
      .exec(flowing)!
      .map((text) => Number(text.replaceAll(',', '')))
  const refuses = (document: string) => {
    try {
      parseBounded(document)
      return false
    } catch {
      return true
    }
  }
  const repeat = (count: number, text: (at: number) => string) =>
    Array.from({ length: count }, (_, at) => text(at)).join(' ')
  // Two braces, and one token for each field.
  expect(refuses(`{ ${repeat(tokens! - 2, () => 'a')} }`)).toBe(false)
  expect(refuses(`{ ${repeat(tokens! + 1, () => 'a')} }`)).toBe(true)
  expect(refuses(`{ ${repeat(aliases!, (at) => `a${at}: b`)} }`)).toBe(false)
  expect(refuses(`{ ${repeat(aliases! + 1, (at) => `a${at}: b`)} }`)).toBe(true)
  expect(refuses(`{ a ${repeat(directives!, () => '@b')} }`)).toBe(false)
  expect(refuses(`{ a ${repeat(directives! + 1, () => '@b')} }`)).toBe(true)
  const spread = (count: number) => `{ ${repeat(count, () => '...F')} } fragment F on Q { ${repeat(50, () => 'a')} }`
  expect(refuses(spread(fields! / 50))).toBe(false)
  expect(refuses(spread(fields! / 50 + 1))).toBe(true)
})
