import { readFileSync } from 'node:fs'
import {
  type GraphQLScalarType,
  getNamedType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  lexicographicSortSchema,
  printSchema,
} from 'graphql'
import { expect, test } from 'vitest'
import { schema } from '../../src/schema/index.ts'

type Members = Record<string, { description?: string | null; args?: Members }>

test('the committed schema.graphql is what the code serves', () => {
  const committed = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8')
  expect(`${printSchema(lexicographicSortSchema(schema))}\n`).toBe(committed)
})

/** Every public description with the name of what it describes. */
function descriptions(): { of: string; text: string }[] {
  const found: { of: string; text: string }[] = []
  const add = (of: string, text: string | null | undefined) => found.push({ of, text: text ?? '' })
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue
    add(type.name, type.description)
    const config = type.toConfig() as { fields?: Members; values?: Members }
    for (const [name, member] of Object.entries({ ...config.fields, ...config.values })) {
      add(`${type.name}.${name}`, member.description)
      for (const [arg, { description }] of Object.entries(member.args ?? {}))
        add(`${type.name}.${name}(${arg}:)`, description)
    }
  }
  return found
}

/** Words that a reader whose second language is English has to read twice. */
const UNCLEAR =
  /\b(anew|of late|about|let be|in vain|whoever|meanwhile|thing|things|forgotten|goes out|go out|put back|one’s own|e\.g\.|give or take)\b/i

const isLong = (text: string) => text.split(/[.?!]\s/).some((sentence) => sentence.split(/\s+/).length > 30)

test.each([
  { rule: 'exists', isBroken: (text: string) => text === '' },
  { rule: 'has ten characters or more', isBroken: (text: string) => text.length < 10 },
  {
    rule: 'begins with a capital letter',
    isBroken: (text: string) => !/^[A-Z]/.test(text),
  },
  { rule: 'ends with a full stop', isBroken: (text: string) => !text.endsWith('.') },
  { rule: 'has no sentence of more than 30 words', isBroken: isLong },
  { rule: 'uses plain words only', isBroken: (text: string) => UNCLEAR.test(text) },
])('every description of the public schema $rule', ({ isBroken }) => {
  const all = descriptions()
  expect(all.length).toBeGreaterThan(500)
  expect(all.filter(({ text }) => isBroken(text))).toEqual([])
})

test('every scalar names the document that specifies it', () => {
  const scalars = Object.values(schema.getTypeMap()).filter(
    (type) => isScalarType(type) && !isSpecifiedScalarType(type),
  ) as GraphQLScalarType[]
  expect(scalars.length).toBeGreaterThan(0)
  for (const { specifiedByURL } of scalars) expect(specifiedByURL).toMatch(/^https:/)
})

test('every mutation answers with its success or one of the expected failures', () => {
  for (const [name, field] of Object.entries(schema.getMutationType()!.getFields())) {
    const result = getNamedType(field.type)
    const members = schema.getPossibleTypes(result as never).map((type) => type.name)
    const pascal = name[0]!.toUpperCase() + name.slice(1)
    expect(result.name).toBe(`${pascal}Result`)
    expect(members.sort()).toEqual(['ConflictError', 'NotFoundError', 'ValidationError', `${pascal}Success`].sort())
    expect(isObjectType(schema.getType(`${pascal}Success`))).toBe(true)
  }
})
