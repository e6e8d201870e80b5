// What a GraphQL operation is given once its caller is admitted.

import type { Viewer } from '../../context.ts'
import type { FaultLog } from '../../log.ts'
import type { RequestContext } from '../../schema/base/builder.ts'
import type { RateReading } from '../http/limits.ts'
import type { RequestParameters } from '../http/request-body.ts'
import type { StreamEnd } from './open-streams.ts'

/** What a request is given besides what every resolver is. */
export type OperationContext = RequestContext & {
  readonly faults: FaultLog
  readonly viewer: Viewer
  readonly rate: RateReading
  /** What the request asks for, by POST or GET. */
  readonly parameters?: RequestParameters
  /** Ends the work for a reader who went away. */
  readonly signal?: () => AbortSignal
  /** Registers a stream that must end with its credential and with the server; null when there are too many. */
  readonly openStream?: (end: (why: StreamEnd) => void) => (() => void) | null
  /** Set once the document is known. */
  cost?: number
  /** Its result, where it was worked out before Yoga was asked for a reply. */
  result?: Result
}

/** What an operation comes to, or one event of a subscription. */
export type Result = { data?: unknown; errors?: readonly unknown[]; extensions?: Record<string, unknown> }
