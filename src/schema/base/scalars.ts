// The scalars DateTime, JSON and SafeInt. A time may have any offset; outputs are in UTC with milliseconds. JSON keeps its
// exact value: a number that a double would change is marked, so that the check of the event refuses it. A member with a
// special name in JavaScript, such as __proto__, is an ordinary member. SafeInt is checked with its event, so that a wrong one
// refuses the event and not the request.

import { type ConstValueNode, GraphQLError, Kind, valueFromASTUntyped } from 'graphql'
import { readDateTime, TIME_EXAMPLES, UnreadableTime } from '../../domain/values/date-time.ts'
import { parseLiteralNumber } from '../../domain/values/exact-json.ts'
import { showValue } from '../../domain/values/issue.ts'
import { builder, type Json } from './builder.ts'

builder.scalarType('DateTime', {
  description:
    'A time in the format of RFC 3339, such as 2026-11-01T09:30:00.000Z. Inputs may have any offset, and no seconds; outputs are in UTC with milliseconds.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (moment) => moment.toISOString(),
  // Marked before, where an event of a publish has it.
  parseValue: (value) => (value instanceof UnreadableTime ? (value as never) : readMoment(value)),
  parseLiteral: (node) => readMoment(node.kind === Kind.STRING ? node.value : valueFromASTUntyped(node)),
})

builder.scalarType('JSON', {
  description: 'A JSON value. A field that expects a JSON object refuses other values.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  serialize: (value) => value,
  parseValue: (value) => value as Json,
  coerceInputValue: (value) => value as Json,
  coerceInputLiteral: (node) => readJson(node) as Json,
})

builder.scalarType('SafeInt', {
  description: 'A whole number from -9007199254740991 to 9007199254740991, which are ±(2^53 - 1).',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc7493#section-2.2',
  serialize: (value) => value,
  parseValue: (value) => value,
  coerceInputValue: (value) => value,
  coerceInputLiteral: (node) => readJson(node),
})

function readMoment(value: unknown): Date {
  const moment = typeof value === 'string' ? readDateTime(value) : null
  if (moment) return moment
  const { advice } = new UnreadableTime(value)
  throw new GraphQLError(
    `Expected a time with an offset, such as ${TIME_EXAMPLES}, got ${showValue(value)}. ${advice[0]!.toUpperCase()}${advice.slice(1)}.`,
    { extensions: { code: 'BAD_USER_INPUT' } },
  )
}

/** The value that the text of the literal has in JSON. */
function readJson(node: ConstValueNode): unknown {
  switch (node.kind) {
    case Kind.OBJECT: {
      const object: Record<string, unknown> = {}
      for (const field of node.fields) {
        // An assignment to `__proto__` would set the prototype. This defines a member, as JSON.parse does.
        const value = readJson(field.value)
        Object.defineProperty(object, field.name.value, { value, writable: true, enumerable: true, configurable: true })
      }
      return object
    }
    case Kind.LIST:
      return node.values.map(readJson)
    case Kind.INT:
    case Kind.FLOAT:
      return parseLiteralNumber(node.value)
    case Kind.STRING:
    case Kind.BOOLEAN:
      return node.value
    case Kind.ENUM:
      throw new GraphQLError(
        `Expected a JSON value, got the word ${node.value.slice(0, 60)} without quotes. Put it in quotes.`,
        { extensions: { code: 'BAD_USER_INPUT' } },
      )
    case Kind.NULL:
      return null
  }
}
