import { readFileSync } from 'node:fs'
import { getNamedType, isIntrospectionType, isObjectType, lexicographicSortSchema, printSchema } from 'graphql'
import { expect, test } from 'vitest'
import { schema } from '../../src/schema/index.ts'

type Members = Record<string, { description?: string | null; args?: Members }>

test('the committed schema.graphql is what the code serves', () => {
  const committed = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8')
  expect(`${printSchema(lexicographicSortSchema(schema))}\n`).toBe(committed)
})

test('every type, field, argument and enum value carries a description', () => {
  const bare: string[] = []
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type)) continue
    if (!type.description && !type.name.endsWith('Result')) bare.push(type.name)
    const config = type.toConfig() as { fields?: Members; values?: Members }
    for (const [name, member] of Object.entries({ ...config.fields, ...config.values })) {
      if (!member.description) bare.push(`${type.name}.${name}`)
      for (const [arg, { description }] of Object.entries(member.args ?? {}))
        if (!description) bare.push(`${type.name}.${name}(${arg}:)`)
    }
  }
  expect(bare).toEqual([])
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
