// Expected failures as data: the classes of `src/errors.ts` as members of every mutation's result, which is why they
// share one interface that clients can always select.

import { ConflictError, type ErrorCode, type Issue, NotFoundError, ValidationError } from '../errors.ts'
import { builder } from './builder.ts'

const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description: 'Why a mutation did nothing. More may come: keep a default branch.',
  values: {
    VALIDATION_FAILED: { description: 'The input cannot be taken; `issues` lists everything that is wrong with it.' },
    NOT_FOUND: { description: 'What was named does not exist, or not for this caller.' },
    CONFLICT: { description: 'It is in a state in which this cannot be done.' },
    IDEMPOTENCY_CONFLICT: { description: 'The idempotency key already stands for an event with other content.' },
    LIMIT_EXCEEDED: { description: 'There is no room for one more.' },
  } satisfies Record<ErrorCode, { description: string }>,
})

type Failure = { message: string; code: ErrorCode; path: string[] | null }

const ErrorInterface = builder.interfaceRef<Failure>('Error').implement({
  description: 'An expected failure of a mutation: nothing was changed.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'For a person: what was expected, what came, what to do.' }),
    code: t.expose('code', { type: ErrorCodeEnum, description: 'For a program.' }),
    path: t.exposeStringList('path', {
      nullable: true,
      description: 'Where in the arguments, starting with the name of one; null when it is about no single place.',
    }),
  }),
})

const ValidationIssue = builder.objectRef<Issue>('ValidationIssue').implement({
  description: 'One thing that is wrong with an input.',
  fields: (t) => ({
    path: t.exposeStringList('path', {
      description: 'Where in the arguments, e.g. ["input", "events", "3", "data", "from"]; positions count from 0.',
    }),
    message: t.exposeString('message', { description: 'What was expected and what came.' }),
  }),
})

builder.objectType(ValidationError, {
  name: 'ValidationError',
  description: 'The input cannot be taken.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.field({
      type: [ValidationIssue],
      description: 'Everything that is wrong, so that it can be mended in one go.',
      resolve: ({ issues }) => issues,
    }),
  }),
})

builder.objectType(NotFoundError, {
  name: 'NotFoundError',
  description: 'What was named does not exist, or belongs to somebody else: the two look alike.',
  interfaces: [ErrorInterface],
})

builder.objectType(ConflictError, {
  name: 'ConflictError',
  description: 'What was asked does not go together with the present state.',
  interfaces: [ErrorInterface],
})
