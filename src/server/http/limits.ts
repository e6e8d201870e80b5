// Every bound on what a client may ask of this server, in one place; what a request may cost is `schema/cost.ts`.

import { type DocumentNode, GraphQLError, Kind, parse, type SelectionSetNode, type Source } from 'graphql'
import type { Role } from '../../generated/prisma/enums.ts'
import { DEPTH_LIMIT } from '../../schema/base/cost.ts'

/** 500 full events are 1.3 MB. */
export const MAX_REQUEST_BYTES = 4 * 1024 * 1024
/** Longer headers, in the sum, are refused by Node with 431. */
export const MAX_HEADER_BYTES = 16 * 1024
/** A slow sender of a request is cut off after this. */
export const REQUEST_TIMEOUT_MS = 60_000
export const HEADERS_TIMEOUT_MS = 15_000
export const KEEP_ALIVE_MS = 65_000

const MAX_TOKENS = 2_000
const MAX_ALIASES = 50
const MAX_DIRECTIVES = 50
/** Fields once every fragment is written out where it is spread. */
const MAX_SELECTIONS = 5_000

/** Credentials that were never seen here and are looked up at once. */
export const MAX_STRANGERS_ASKED_ABOUT = 256
/** The same of one client, where its address is known. */
export const MAX_STRANGERS_OF_ADDRESS = 64
/** Console links that are spent at once. */
export const MAX_SIGN_INS = 16

export const MAX_SOCKETS = 5_000
/** Sockets that have not said yet who they are; they have `INTRODUCTION_MS` for it. */
export const MAX_UNKNOWN_SOCKETS = 500
export const INTRODUCTION_MS = 3_000
export const MAX_SOCKETS_PER_CREDENTIAL = 20
export const MAX_SUBSCRIPTIONS_PER_SOCKET = 50
/** Subscriptions over server-sent events. */
export const MAX_STREAMS_PER_CREDENTIAL = 50
export const MAX_MESSAGE_BYTES = 64 * 1024
/** A socket with more than this unsent for two looks in a row is closed. */
export const MAX_UNSENT_BYTES = 1024 * 1024
/** With more than this it is dropped at its next message. */
export const MAX_PILED_BYTES = 8 * 1024 * 1024
/** A client of server-sent events that takes nothing of what is written to it for this long is dropped. */
export const STALLED_MS = 60_000
/** How often open streams are looked at: is the credential good, does the client read. */
export const STREAM_CHECK_MS = 5_000

/** What test receivers take: a larger body than any event has is refused. */
export const MAX_RECEIVED_BYTES = 256 * 1024
/** Requests to all test receivers of this process that are under way, also those that wait for their delay. */
export const MAX_RECEIVED_AT_ONCE = 200
export const MAX_RECEIVED_OF_TENANT = 30

/** Requests per second on average, and how many may come at once. */
export type Rate = { readonly perSecond: number; readonly burst: number }

/** Requests to the test receiver of a tenant. */
export const RECEIVED_RATE: Rate = { perSecond: 20, burst: 100 }

/** Publishing is bounded by the database, not by this; people and consoles never come near theirs. */
export const RATES: Record<Role, Rate> = {
  OPERATOR: { perSecond: 20_000, burst: 40_000 },
  PUBLISHER: { perSecond: 20_000, burst: 40_000 },
  ADMIN: { perSecond: 200, burst: 2_000 },
  VIEWER: { perSecond: 200, burst: 2_000 },
}

/** `resetAt`: when as many requests as `limit` may come at once again, Unix ms. */
export type RateReading = { readonly limit: number; readonly remaining: number; readonly resetAt: number }
export type RateDecision = RateReading & { readonly retryAfterSeconds: number | null }

export type RateLimiter = {
  /** Takes one request of this credential; `retryAfterSeconds` is null when it may go on. `nowMs` only rises. */
  take(credentialId: string, role: Role, nowMs: number, wallMs: number): RateDecision
}

const MAX_BUCKETS = 50_000

/** A bucket of requests per credential, of this process alone: with n processes a key has n times the rate. */
export function createRateLimiter(rates: Record<Role, Rate> = RATES): RateLimiter {
  const buckets = new Map<string, { tokens: number; atMs: number }>()
  return {
    take(credentialId, role, nowMs, wallMs) {
      const { perSecond, burst } = rates[role]
      let bucket = buckets.get(credentialId)
      if (!bucket) {
        if (buckets.size >= MAX_BUCKETS) buckets.clear()
        bucket = { tokens: burst, atMs: nowMs }
        buckets.set(credentialId, bucket)
      }
      bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond)
      bucket.atMs = nowMs
      const allowed = bucket.tokens >= 1
      if (allowed) bucket.tokens--
      return {
        limit: burst,
        remaining: Math.floor(bucket.tokens),
        resetAt: wallMs + Math.ceil(((burst - bucket.tokens) / perSecond) * 1000),
        retryAfterSeconds: allowed ? null : Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond)),
      }
    },
  }
}

/**
 * Parses a document and refuses it, before validation, when it is larger than any honest one: validation and cost are
 * only ever computed for bounded documents. Throws GraphQLError.
 */
export function parseBounded(source: string | Source): DocumentNode {
  const document = parse(source, { maxTokens: MAX_TOKENS, noLocation: true })
  const size = measure(document)
  const check = (what: string, came: number, most: number) => {
    if (came <= most) return
    throw new GraphQLError(
      `Expected at most ${most} ${what} in a document, got ${came > 1e9 ? 'far more' : came}. Ask for less at once.`,
      {
        extensions: { code: 'COMPLEXITY_LIMIT', http: { spec: true, status: 400 } },
      },
    )
  }
  check('levels of fields', size.depth, DEPTH_LIMIT)
  check('aliases', size.aliases, MAX_ALIASES)
  check('directives', size.directives, MAX_DIRECTIVES)
  check('fields', size.selections, MAX_SELECTIONS)
  return document
}

type Size = { depth: number; selections: number }

/** Fragments count wherever they are spread; each is measured once. A circle of them is left to validation. */
function measure(document: DocumentNode): Size & { aliases: number; directives: number } {
  const fragments = new Map<string, SelectionSetNode>()
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet)
  const measured = new Map<string, Size>()
  let aliases = 0
  let directives = 0
  const measureFragment = (name: string): Size => {
    const known = measured.get(name)
    if (known) return known
    measured.set(name, { depth: 0, selections: 0 })
    const set = fragments.get(name)
    const size = set ? measureSet(set) : { depth: 0, selections: 0 }
    measured.set(name, size)
    return size
  }
  const measureSet = ({ selections: nodes }: SelectionSetNode): Size => {
    let depth = 0
    let selections = 0
    for (const node of nodes) {
      directives += node.directives?.length ?? 0
      if (node.kind === Kind.FIELD) {
        if (node.alias) aliases++
        const inner = node.selectionSet ? measureSet(node.selectionSet) : { depth: 0, selections: 0 }
        depth = Math.max(depth, 1 + inner.depth)
        selections += 1 + inner.selections
      } else {
        const inner =
          node.kind === Kind.FRAGMENT_SPREAD ? measureFragment(node.name.value) : measureSet(node.selectionSet)
        depth = Math.max(depth, inner.depth)
        selections += inner.selections
      }
    }
    return { depth, selections }
  }
  let depth = 0
  let selections = 0
  for (const definition of document.definitions) {
    if (!('selectionSet' in definition) || !definition.selectionSet) continue
    if ('directives' in definition) directives += definition.directives?.length ?? 0
    const size =
      definition.kind === Kind.FRAGMENT_DEFINITION
        ? measureFragment(definition.name.value)
        : measureSet(definition.selectionSet)
    depth = Math.max(depth, size.depth)
    selections = Math.max(selections, size.selections)
  }
  return { depth, selections, aliases, directives }
}
