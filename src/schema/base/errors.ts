// Expected failures as data: the classes of `src/errors.ts` are members of every mutation's result. They share one
// interface, which clients can always select.

import { ConflictError, type ErrorCode, type Issue, NotFoundError, ValidationError } from '../../errors.ts'
import { builder } from './builder.ts'

const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description: 'Why a mutation changed nothing. Later releases may add codes, so keep a default branch.',
  values: {
    VALIDATION_FAILED: { description: 'The input is not valid. `issues` lists everything that is wrong with it.' },
    NOT_FOUND: { description: 'The named object does not exist, or the caller cannot see it.' },
    CONFLICT: { description: 'The object is in a state that does not allow this change.' },
    IDEMPOTENCY_CONFLICT: { description: 'The idempotency key was already used for an event with other content.' },
    LIMIT_EXCEEDED: { description: 'The tenant has the maximum number of these objects.' },
  } satisfies Record<ErrorCode, { description: string }>,
})

type Failure = { message: string; code: ErrorCode; path: string[] | null }

const ErrorInterface = builder.interfaceRef<Failure>('Error').implement({
  description: 'The reason why a mutation changed nothing.',
  fields: (t) => ({
    message: t.exposeString('message', {
      description: 'The error in words, for a person: what was expected, what the gateway got, what to do.',
    }),
    code: t.expose('code', { type: ErrorCodeEnum, description: 'The error as a code, for a program.' }),
    path: t.exposeStringList('path', {
      nullable: true,
      description:
        'The place of the error in the arguments, beginning with the name of an argument; null if the error has no single place.',
    }),
  }),
})

export const ValidationIssue = builder.objectRef<Issue>('ValidationIssue').implement({
  description: 'One error in an input.',
  fields: (t) => ({
    path: t.exposeStringList('path', {
      description:
        'The place of the error in the arguments, such as ["input", "events", "3", "data", "from"]. Positions count from 0.',
    }),
    message: t.exposeString('message', { description: 'What was expected, and what the gateway got.' }),
  }),
})

builder.objectType(ValidationError, {
  name: 'ValidationError',
  description: 'The input is not valid.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.field({
      type: [ValidationIssue],
      description: 'Every error in the input, so that you can fix all of them at once.',
      resolve: ({ issues }) => issues,
    }),
  }),
})

builder.objectType(NotFoundError, {
  name: 'NotFoundError',
  description: 'The named object does not exist, or the caller cannot see it. The answer does not tell which.',
  interfaces: [ErrorInterface],
})

builder.objectType(ConflictError, {
  name: 'ConflictError',
  description: 'The present state of the object does not allow this change.',
  interfaces: [ErrorInterface],
})
