// DateTime and JSON. A time is taken with any offset and given out in UTC with milliseconds. JSON is taken as it was
// written: a number that a double would change is marked for the check of the event, and a member named like
// something JavaScript treats specially is a member like any other.

import { type ConstValueNode, GraphQLError, Kind, valueFromASTUntyped } from 'graphql'
import { readDateTime } from '../domain/date-time.ts'
import { parseLiteralNumber } from '../domain/exact-json.ts'
import { showValue } from '../domain/issue.ts'
import { builder, type Json } from './builder.ts'

builder.scalarType('DateTime', {
  description:
    'A time in the format of RFC 3339, such as 2026-11-01T09:30:00.000Z. Inputs may have any offset; outputs are in UTC with milliseconds.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (moment) => moment.toISOString(),
  parseValue: readMoment,
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

function readMoment(value: unknown): Date {
  const moment = typeof value === 'string' ? readDateTime(value) : null
  if (moment) return moment
  throw new GraphQLError(
    `Expected a moment with an offset, such as 2026-11-01T09:30:00Z or 2026-11-01T10:30:00+01:00, came ${showValue(value)}.`,
    { extensions: { code: 'BAD_USER_INPUT' } },
  )
}

/** The value that the literal's text would have in JSON. */
function readJson(node: ConstValueNode): unknown {
  switch (node.kind) {
    case Kind.OBJECT: {
      const object: Record<string, unknown> = {}
      for (const field of node.fields) {
        // An assignment to `__proto__` would set the prototype; JSON.parse defines a member, and so does this.
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
      throw new GraphQLError(`Expected a JSON value, came the bare word ${node.value}. Put it in quotes.`, {
        extensions: { code: 'BAD_USER_INPUT' },
      })
    case Kind.NULL:
      return null
  }
}
