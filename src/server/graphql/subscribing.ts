// What is run for a subscription, with results over a websocket or as server-sent events.

import { type ExecutionArgs, type ExecutionResult, getOperationAST } from 'graphql'
import { RequestError } from '../../errors.ts'
import type { OperationContext } from '../access/operation-context.ts'
import type { Yoga } from './yoga.ts'

/** What a client asks for. */
export type SubscriptionParameters = {
  readonly query: string
  readonly operationName?: string | null | undefined
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined
}

export type Subscribe = (args: ExecutionArgs) => Promise<AsyncIterable<ExecutionResult> | ExecutionResult>

/** The arguments of a subscription, and what runs it. Throws what is wrong with it: one error, or validation's list. */
export async function subscriptionOf(
  yoga: Yoga,
  { query, operationName, variables }: SubscriptionParameters,
  context: OperationContext,
): Promise<{ args: ExecutionArgs; subscribe: Subscribe }> {
  const { schema, subscribe, contextFactory, parse, validate } = yoga.getEnveloped(context as never)
  const document = parse(query)
  const errors = validate(schema, document)
  if (errors.length) throw errors
  const operation = getOperationAST(document, operationName)
  if (operation?.operation !== 'subscription')
    throw new RequestError(
      'BAD_USER_INPUT',
      `Expected a subscription, got ${operation ? `a ${operation.operation}` : 'no operation of that name'}. Send queries and mutations by POST.`,
    )
  const contextValue = await contextFactory()
  return { args: { schema, document, operationName, variableValues: variables, contextValue }, subscribe }
}
