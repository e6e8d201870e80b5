// What is said of a document or of variables that do not fit, with what of graphql-js and graphql-tools is installed.

import { type ExecutionResult, execute, GraphQLError, parse, validate } from 'graphql'
import { describe, expect, test } from 'vitest'
import { schema } from '../../../src/schema/index.ts'
import { shortMessage } from '../../../src/server/graphql/short-message.ts'
import { createGraphQL } from '../../../src/server/graphql/yoga.ts'

const BODY = `told nobody but her sister: ${'x'.repeat(300_000)}`
const SAID = `"told nobody but her sister: ${'x'.repeat(32)}"… (300028 characters)`

const PUBLISH = 'mutation ($input: PublishEventsInput!) { publishEvents(input: $input) { __typename } }'
const LIST =
  'query ($filter: DeliveryFilter, $first: Int, $after: String) { deliveries(filter: $filter, first: $first, after: $after) { nodes { id } } }'

const event = (more: object) => ({ input: { events: [{ type: 'call.ended', data: { note: BODY }, ...more }] } })
const AT = 'Variable "$input" has invalid value at .events[0]'
const IN_FILTER = 'Variable "$filter" has invalid value at'

const tools = createGraphQL(schema).getEnveloped({} as never)

describe('variables that do not fit are refused without what they hold', () => {
  test.each<[what: string, document: string, variables: object, said: string]>([
    [
      'an unknown field',
      PUBLISH,
      event({ ocurredAt: BODY }),
      `${AT}: Expected value of type "EventInput" not to include unknown field "ocurredAt". Did you mean "occurredAt"?`,
    ],
    [
      'one that is like none',
      PUBLISH,
      event({ purpose: BODY }),
      `${AT}: Expected value of type "EventInput" not to include unknown field "purpose".`,
    ],
    [
      'one with its own sentence in its name',
      PUBLISH,
      event({ '", found: x': BODY }),
      `${AT}: Expected value of type "EventInput" not to include unknown field "".`,
    ],
    [
      'a missing field',
      PUBLISH,
      event({ type: undefined }),
      `${AT}: Expected value of type "EventInput" to include required field "type".`,
    ],
    [
      'a text for an object',
      PUBLISH,
      { input: { events: BODY } },
      `Variable "$input" has invalid value at .events: Expected value of type "EventInput" to be an object, found: ${SAID}.`,
    ],
    [
      'an object for a text',
      PUBLISH,
      event({ type: { note: BODY } }),
      `${AT}.type: String cannot represent a non string value: an object.`,
    ],
    [
      'a list for a text',
      PUBLISH,
      event({ type: [BODY] }),
      `${AT}.type: String cannot represent a non string value: a list.`,
    ],
    [
      'a text for a number',
      LIST,
      { first: BODY },
      `Variable "$first" has invalid value: Int cannot represent non-integer value: ${SAID}.`,
    ],
    [
      'a number that is too large',
      LIST,
      { first: 1e40 },
      'Variable "$first" has invalid value: Int cannot represent non 32-bit signed integer value: 1e+40.',
    ],
    [
      'a text for a time',
      LIST,
      { filter: { from: BODY } },
      `${IN_FILTER} .from: Expected a time with an offset, such as 2026-11-01T09:30:00Z or 2026-11-01T10:30:00+01:00, got ${SAID}. Write it in this format.`,
    ],
    [
      'a text for a boolean',
      LIST,
      { filter: { test: BODY } },
      `${IN_FILTER} .test: Boolean cannot represent a non boolean value: ${SAID}.`,
    ],
    [
      'an object for an id',
      LIST,
      { filter: { endpointIds: [{ id: BODY }] } },
      `${IN_FILTER} .endpointIds[0]: ID cannot represent value: an object.`,
    ],
    [
      'an unknown value of an enum',
      LIST,
      { filter: { statuses: [BODY] } },
      `${IN_FILTER} .statuses[0]: Value ${SAID} does not exist in "DeliveryStatus" enum.`,
    ],
    [
      'one that is misspelled',
      LIST,
      { filter: { statuses: ['PENDIN'] } },
      `${IN_FILTER} .statuses[0]: Value "PENDIN" does not exist in "DeliveryStatus" enum. Did you mean the enum value "PENDING"?`,
    ],
    [
      'an object for an enum',
      LIST,
      { filter: { statuses: [{ status: BODY }] } },
      `${IN_FILTER} .statuses[0]: Enum "DeliveryStatus" cannot represent non-string value: an object.`,
    ],
  ])('%s', async (_what, document, variables, said) => {
    const args = {
      schema,
      document: parse(document),
      variableValues: variables as Record<string, unknown>,
      contextValue: {},
    }
    const asQuery = (await tools.execute(args)) as ExecutionResult
    const asSubscription = await execute(args)
    for (const { errors } of [asQuery, asSubscription]) expect(errors!.map(shortMessage)).toEqual([said])
  })
})

describe('literals that do not fit are refused without what they hold', () => {
  const publish = (fields: string) => `mutation { publishEvents(input: { events: [{ ${fields} }] }) { __typename } }`
  const list = (filter: string) => `{ deliveries(filter: { ${filter} }) { nodes { id } } }`
  const TEXT = JSON.stringify(BODY)
  test.each<[what: string, document: string, said: string]>([
    [
      'an unknown field',
      publish(`type: "a", data: { note: ${TEXT} }, ocurredAt: 1`),
      'Expected value of type "EventInput" not to include unknown field "ocurredAt". Did you mean "occurredAt"?',
    ],
    [
      'a missing field',
      publish(`data: { note: ${TEXT} }`),
      'Expected value of type "EventInput" to include required field "type".',
    ],
    [
      'an object for a text',
      publish(`data: {}, type: { note: ${TEXT} }`),
      'String cannot represent a non string value: an object.',
    ],
    [
      'a word for JSON',
      publish(`type: "a", data: { note: ${'x'.repeat(300_000)} }`),
      `Expected a JSON value, got the word ${'x'.repeat(60)} without quotes. Put it in quotes.`,
    ],
    [
      'a text for an enum',
      list(`statuses: [${TEXT}]`),
      `Enum "DeliveryStatus" cannot represent non-enum value: ${SAID}.`,
    ],
    [
      'the text of one',
      list('statuses: ["PENDING"]'),
      'Enum "DeliveryStatus" cannot represent non-enum value: "PENDING". Did you mean the enum value "PENDING"?',
    ],
    ['a text for a boolean', list(`test: ${TEXT}`), `Boolean cannot represent a non boolean value: ${SAID}.`],
    [
      'a text with quotes and line ends for a boolean',
      list(`test: """told "nobody"\n but "her"\n${'x'.repeat(300_000)}"""`),
      `Boolean cannot represent a non boolean value: """\ntold "nobody"\n but "her"\n${'x'.repeat(32)}"… (300031 characters).`,
    ],
    [
      'a field that does not exist',
      `{ ${'x'.repeat(300_000)} }`,
      `Cannot query field "${'x'.repeat(60)}"… (300000 characters) on type "Query".`,
    ],
  ])('%s', (_what, document, said) => {
    expect(validate(schema, parse(document)).map(shortMessage)).toEqual([said])
  })

  test('a literal with a variable that is null where it may not be', async () => {
    const { errors } = (await tools.execute({
      schema,
      document: parse(
        publish(`type: $type, data: { note: ${TEXT} }`).replace('mutation', 'mutation ($type: String = "a")'),
      ),
      variableValues: { type: null },
      contextValue: {},
    })) as ExecutionResult
    expect(errors!.map(shortMessage)).toEqual(['Argument "input" has invalid value. Check the variables in it.'])
  })

  test('a text where a name belongs', () => {
    expect(() => parse(`{ ${TEXT} }`)).toThrow(
      expect.toSatisfy(
        (error: GraphQLError) => shortMessage(error) === `Syntax Error: Expected Name, found String ${SAID}.`,
      ),
    )
  })
})

test('a long message without quotes is cut', () => {
  expect(shortMessage(new GraphQLError('x'.repeat(2_000)))).toBe(`${'x'.repeat(1_000)}…`)
})
