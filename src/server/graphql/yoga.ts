// GraphQL over HTTP: a document becomes a reply. Caller, rate and size were checked before (access/admission.ts). The
// plugins run in this order: the request's own parser, bounds before validation, cost before execution, and last the
// reply. The reply tells no more of a failure than a caller may know.

import { type DocumentNode, GraphQLError, type GraphQLSchema, getOperationAST, type OperationTypeNode } from 'graphql'
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga'
import { RequestError } from '../../errors.ts'
import { COST_LIMIT, costOf, refuseCost } from '../../schema/base/cost.ts'
import type { OperationContext, Result } from '../access/operation-context.ts'
import { parseBounded } from '../http/limits.ts'
import { reportErrors } from './report-errors.ts'
import { sharedExecution } from './share-execution.ts'
import { unreadableTimes } from './unreadable-times.ts'

export type Yoga = YogaServerInstance<OperationContext, Record<never, never>>

export function createGraphQL(schema: GraphQLSchema): Yoga {
  return createYoga<OperationContext>({
    schema,
    graphqlEndpoint: '/graphql',
    logging: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    healthCheckEndpoint: '/graphql/unused',
    batching: false,
    multipart: false,
    // Bounded where it is read, and masked where it is reported.
    maxRequestBodySize: false,
    maskedErrors: false,
    plugins: [
      // The request: its body was read and parsed once, and perhaps answered already.
      parsedBody(),
      knownResult(),
      // The document: bounded before it is validated; parsed and validated once for each text.
      boundedDocuments(),
      // The operation: what it costs, what of it is marked, whether anybody still waits for it, whose answer it shares, how
      // long a stream lives.
      costs(),
      unreadableTimes(),
      cancellation(),
      sharedExecution(),
      streamEnds(),
      // The reply: errors as a caller may see them, and what the request took of its limits.
      replies(),
    ],
  }) as unknown as Yoga
}

function parsedBody(): Plugin<OperationContext> {
  return {
    onRequestParse({ serverContext, setRequestParser }) {
      const { parameters } = serverContext as Partial<OperationContext>
      if (parameters !== undefined) setRequestParser(() => parameters as Record<string, unknown>)
    },
  }
}

function knownResult(): Plugin<OperationContext> {
  return {
    onParams({ context, setResult }) {
      const { result } = context as unknown as OperationContext
      if (result) setResult(result as never)
    },
  }
}

const ORDINARY_PARAMETERS = new Set(['query', 'variables', 'operationName'])

/** An operation that is parsed and valid, and what executes it. */
export type Prepared = {
  readonly kind: OperationTypeNode
  readonly document: DocumentNode
  readonly enveloped: ReturnType<Yoga['getEnveloped']>
}

/** Parses and validates the document of a request. null: something is wrong with it, and Yoga says what. */
export function prepare(yoga: Yoga, operation: OperationContext): Prepared | null {
  const { query, operationName } = operation.parameters ?? {}
  if (query === undefined) return null
  const enveloped = yoga.getEnveloped(operation as never)
  try {
    const document = enveloped.parse(query)
    if (enveloped.validate(enveloped.schema, document).length > 0) return null
    const kind = getOperationAST(document, operationName)?.operation
    return kind ? { kind, document, enveloped } : null
  } catch {
    return null
  }
}

/**
 * The JSON text of the reply to an ordinary query or mutation that has no errors. It is made without Yoga's HTTP layer, which
 * costs as much as the operation. null: Yoga has to reply; what was executed is then in `operation.result`, and is not
 * executed again.
 */
export async function answerOrdinary(prepared: Prepared, operation: OperationContext): Promise<string | null> {
  const { variables, operationName } = operation.parameters ?? {}
  if (!Object.keys(operation.parameters ?? {}).every((name) => ORDINARY_PARAMETERS.has(name))) return null
  const { document } = prepared
  const { schema, execute, contextFactory } = prepared.enveloped
  try {
    const contextValue = (await contextFactory()) as OperationContext
    const result: Result = await execute({ schema, document, variableValues: variables, operationName, contextValue })
    if (!result.errors?.length) return JSON.stringify(reported(result, contextValue))
    operation.result = result
  } catch (error) {
    operation.result = { errors: [error] }
  }
  return null
}

function boundedDocuments(): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn(parseBounded)
    },
  }
}

const MAX_COSTS_PER_DOCUMENT = 200

/** Costs depend on the document and on its numbers (`first`) alone, and are computed once for each of these. */
function costs(): Plugin<OperationContext> {
  const known = new WeakMap<object, Map<string, number>>()
  const judge = (args: CostArgs): GraphQLError | null => {
    const { document, operationName, variableValues, contextValue } = args
    let ofDocument = known.get(document)
    if (!ofDocument) {
      ofDocument = new Map()
      known.set(document, ofDocument)
    }
    const key = `${operationName ?? ''} ${numbersIn(variableValues)}`
    let cost = ofDocument.get(key)
    if (cost === undefined) {
      try {
        cost = costOf(args.schema, { document, operationName, variables: variableValues }, contextValue)
      } catch {
        // Its variables do not fit: execution says so, and why.
        cost = 0
      }
      if (ofDocument.size < MAX_COSTS_PER_DOCUMENT) ofDocument.set(key, cost)
    }
    contextValue.cost = cost
    if (cost <= COST_LIMIT) return null
    const refusal = refuseCost('Complexity', { complexity: cost, depth: 0 })
    return new GraphQLError(refusal.message, { originalError: refusal })
  }
  return {
    onExecute({ args, setResultAndStopExecution }) {
      const error = judge(args as CostArgs)
      if (error) setResultAndStopExecution({ errors: [error] })
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const error = judge(args as unknown as CostArgs)
      if (error) setResultAndStopExecution({ errors: [error] } as never)
    },
  }
}

type CostArgs = Parameters<typeof costOf>[1] & {
  schema: GraphQLSchema
  variableValues?: Record<string, unknown> | null
  contextValue: OperationContext
}

function numbersIn(variables: Record<string, unknown> | null | undefined): string {
  let text = ''
  for (const name in variables) {
    const value = variables[name]
    if (typeof value === 'number') text += `${name}=${value} `
  }
  return text
}

/** A query that nobody waits for any more is not carried on with. A mutation is: it does all it was asked. */
function cancellation(): Plugin<OperationContext> {
  return {
    onExecute({ args }) {
      const { signal } = args.contextValue as OperationContext
      if (!signal) return
      if (getOperationAST(args.document, args.operationName)?.operation === 'query')
        (args as { signal?: AbortSignal }).signal = signal()
    },
  }
}

/** A stream ends when its credential or the server does, and reports its errors as any reply does. */
function streamEnds(): Plugin<OperationContext> {
  return {
    onSubscribe({ args }) {
      const context = args.contextValue as OperationContext
      return {
        onSubscribeResult({ result, setResult }) {
          if (Symbol.asyncIterator in result) setResult(boundStream(result as AsyncIterable<Result>, context) as never)
        },
      }
    },
  }
}

type Step = IteratorResult<Result, undefined>
const DONE: Step = { done: true, value: undefined }

/** Written out because a generator's `return` would wait for the result that is being waited for. */
function boundStream(
  source: AsyncIterable<Result>,
  context: OperationContext,
): AsyncIterableIterator<Result, undefined> {
  const results = source[Symbol.asyncIterator]()
  let over = false
  let answer: ((step: Step) => void) | null = null
  let last: Step | null = null
  const finish = (words: RequestError | null = null): Step => {
    if (over) return DONE
    over = true
    unregister?.()
    // Not awaited: the source may be waiting for a change that never comes.
    Promise.resolve(results.return?.()).catch(() => {})
    if (words) last = { done: false, value: reported({ errors: [words] }, context) }
    if (answer) answer(takeLast())
    return DONE
  }
  const takeLast = (): Step => {
    const step = last ?? DONE
    last = null
    return step
  }
  const unregister = context.openStream?.((why) =>
    finish(
      why === 'credential-ended'
        ? new RequestError('UNAUTHENTICATED', 'This key or session has ended. Ask with another one.')
        : null,
    ),
  )
  if (unregister === null)
    finish(
      new RequestError(
        'RATE_LIMITED',
        'Expected fewer streams open at once with this key, got one more. Close one first.',
      ),
    )
  return {
    next() {
      if (over) return Promise.resolve(takeLast())
      return new Promise((resolve) => {
        answer = (step) => {
          answer = null
          resolve(step)
        }
        results.next().then(
          (step) => {
            if (over) return
            if (step.done) return finish()
            answer?.({ done: false, value: reported(step.value, context) })
          },
          (error) => {
            if (over) return
            answer?.({ done: false, value: reported({ errors: [error] }, context) })
            finish()
          },
        )
      })
    },
    return: () => Promise.resolve(finish()),
    throw(error) {
      finish()
      return Promise.reject(error)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

function replies(): Plugin<OperationContext> {
  return {
    onResultProcess({ result, setResult, serverContext }) {
      if (Symbol.asyncIterator in result || Array.isArray(result)) return
      setResult(reported(result as Result, serverContext as unknown as OperationContext) as never)
    },
  }
}

/** A result as it goes out. */
export function reported(result: Result, context: OperationContext): Result {
  const { rate, cost } = context
  const extensions = {
    ...result.extensions,
    cost: { requested: cost ?? 0, limit: COST_LIMIT },
    rateLimit: { limit: rate.limit, remaining: rate.remaining, resetAt: new Date(rate.resetAt).toISOString() },
  }
  if (!result.errors?.length) return { ...result, extensions }
  const errors = reportErrors(result.errors, context)
  // Half an answer is one; a fault that left nothing is the whole request's.
  const failed = result.data == null && errors.some((error) => error.extensions['code'] === 'INTERNAL_SERVER_ERROR')
  return { ...result, errors, extensions: failed ? { ...extensions, http: { status: 500 } } : extensions }
}
