// Subscribers who are handed the very same batch, ask the same of it and have the same rights get the same answer: it is
// worked out once. Each batch is answered in a context of its own, so that nothing read for an earlier one is given
// out again.

import {
  type ASTNode,
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  executeSubscriptionEvent,
  Kind,
  mapSourceToResponseEvent,
  type SelectionSetNode,
  type ValidatedSubscriptionArgs,
  validateSubscriptionArgs,
  visit,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { Viewer } from '../../context.ts'
import type { RequestContext } from '../../schema/base/builder.ts'

/** Makes subscriptions share their execution. Results may be shared: hooks replace them, and never change them. */
export function sharedExecution(): Plugin<RequestContext> {
  return {
    onSubscribe({ setSubscribeFn }) {
      setSubscribeFn(subscribeShared as Parameters<typeof setSubscribeFn>[0])
    },
  }
}

/** graphql-js' `subscribe`, with each answer shared by everybody whose question is the same. */
export async function subscribeShared(
  args: ExecutionArgs,
): Promise<AsyncGenerator<ExecutionResult, void, void> | ExecutionResult> {
  const { schema, document, rootValue, contextValue, variableValues, operationName } = args
  const validated = validateSubscriptionArgs({
    schema,
    document,
    rootValue,
    contextValue,
    variableValues,
    operationName,
  })
  if (!('schema' in validated)) return { errors: validated }
  const source = await createSourceEventStream(validated)
  if (!(Symbol.asyncIterator in source)) return source
  const question = questionOf(validated, contextValue as RequestContext)
  return mapSourceToResponseEvent(validated, source, (event) => answer(event, question))
}

const answers = new WeakMap<object, WeakMap<DocumentNode, Map<string, Promise<ExecutionResult>>>>()

async function answer(event: ValidatedSubscriptionArgs, question: string): Promise<ExecutionResult> {
  const { rootValue: batch, document } = event
  if (typeof batch !== 'object' || batch === null) return executeOnce(event)
  const ofBatch = getOrMake(answers, batch, () => new WeakMap())
  const ofDocument = getOrMake(ofBatch, document, () => new Map<string, Promise<ExecutionResult>>())
  const result = await getOrMake(ofDocument, question, () => executeOnce(event))
  return { ...result, ...placeOf(batch) }
}

/** Beside a result, and not in its JSON: the cursor of the batch that it tells of. */
const CURSOR = Symbol('cursor')

function placeOf(batch: object): { [CURSOR]?: string } {
  const { cursor } = batch as { cursor?: unknown }
  return typeof cursor === 'string' ? { [CURSOR]: cursor } : {}
}

/** Where a client that was given this result goes on; null where a stream has no cursors. Copies of a result keep it. */
export function cursorOf(result: object): string | null {
  return (result as { [CURSOR]?: string })[CURSOR] ?? null
}

async function executeOnce(event: ValidatedSubscriptionArgs): Promise<ExecutionResult> {
  const ctx = event.contextValue as RequestContext
  return executeSubscriptionEvent({
    ...event,
    contextValue: { ...ctx, viewer: ctx.viewer && sharedViewer(ctx.viewer) },
  })
}

/**
 * The viewer as a shared answer may know it: its role and tenant, which `questionOf` tells apart. A field that reads
 * more throws, so that nobody is given what is somebody else's.
 */
function sharedViewer({ role, tenantId }: Viewer): Viewer {
  const own = (name: string) => {
    throw new Error(
      `Expected a field of a subscription to read the viewer's role and tenant alone, because its answer is shared; it read ${name}.`,
    )
  }
  return {
    role,
    tenantId,
    get name() {
      return own('name')
    },
    get expiresAt() {
      return own('expiresAt')
    },
    get credential() {
      return own('credential')
    },
  }
}

/** Everything besides document and batch that an answer depends on. */
function questionOf(
  { operation, document, rawVariableValues }: ValidatedSubscriptionArgs,
  ctx: RequestContext,
): string {
  const values = [...variablesBelow(document, operation.selectionSet)].map((name) => rawVariableValues?.[name] ?? null)
  return JSON.stringify([operation.name?.value, ctx.viewer?.role, ctx.viewer?.tenantId, values])
}

const variablesOf = new WeakMap<SelectionSetNode, ReadonlySet<string>>()

/** The variables an answer is made with; the root field's arguments have chosen the batch already. */
function variablesBelow(document: DocumentNode, root: SelectionSetNode): ReadonlySet<string> {
  return getOrMake(variablesOf, root, () => {
    const names = new Set<string>()
    const collect = {
      enter(node: ASTNode) {
        if (node.kind === Kind.VARIABLE) names.add(node.name.value)
      },
    }
    for (const selection of root.selections) {
      if (selection.kind === Kind.FIELD) visit({ ...selection, arguments: [] }, collect)
      else visit(selection, collect)
    }
    for (const definition of document.definitions)
      if (definition.kind === Kind.FRAGMENT_DEFINITION) visit(definition, collect)
    return names
  })
}

function getOrMake<K extends WeakKey | string, V>(
  map: { get(key: K): V | undefined; set(key: K, value: V): unknown },
  key: K,
  make: () => V,
): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
