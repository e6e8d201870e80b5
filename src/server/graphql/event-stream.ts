// Server-sent events (the form of graphql-sse's distinct connections): each result is a `next` event, the end is
// `complete`. Events of the change feed carry their cursor as `id`, and a client that connects again goes on from it.
// Nothing is written faster than the client reads, and a client that leaves in any way ends its stream.

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { unlessAborted } from '../../waiting.ts'
import type { Result } from '../access/operation-context.ts'
import { visibleResult } from './report-errors.ts'
import { cursorOf } from './share-execution.ts'

/** A stream that wrote nothing for this long gets a comment: proxies close connections that are silent. */
const HEARTBEAT_MS = 12_000
/**
 * The first comment comes sooner: some proxies pass a head on with the first bytes behind it. A stream whose first result
 * comes at once needs none, and there are clients that take a comment for the end.
 */
const FIRST_HEARTBEAT_MS = 500

/** A cursor with thousands of transactions in progress does not fit into a request's headers; the earlier id stands. */
const MAX_ID_LENGTH = 8_000

/** Beside the status of a reply that is a stream of events. */
export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  // nginx collects what it does not know to be a stream.
  'x-accel-buffering': 'no',
}

export type EventStreamOptions = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** A client that takes nothing of what is written to it for this long is dropped. */
  readonly stalledMs: number
}

/**
 * Writes results until they end or the client leaves, and lets their source go in either case. Resolves when the stream is
 * over. A source that throws breaks the connection.
 */
export async function writeEvents(
  response: ServerResponse,
  results: AsyncIterator<Result, unknown>,
  { status, headers, stalledMs }: EventStreamOptions,
): Promise<void> {
  const client = watchClient(response)
  const writer = createWriter(response, client, stalledMs)
  try {
    if (client.left.aborted) return
    response.writeHead(status, { ...EVENT_STREAM_HEADERS, ...headers })
    response.flushHeaders()
    for (;;) {
      const step = await unlessAborted(client.left, results.next())
      if (step === null) return
      if (step.done) break
      await writer.write(eventOf(step.value))
      if (client.left.aborted) return
    }
    response.end('event: complete\ndata:\n\n')
  } catch (error) {
    response.destroy()
    throw error
  } finally {
    writer.stopBeating()
    client.forget()
    // Not awaited: the source may be waiting for a change that never comes.
    Promise.resolve(results.return?.()).catch(() => {})
  }
}

type Client = {
  /** Aborted once the client can read no more. */
  readonly left: AbortSignal
  /** Breaks the connection. */
  drop(): void
  forget(): void
}

function watchClient(response: ServerResponse): Client {
  const leaving = new AbortController()
  const leave = () => leaving.abort()
  // A response that waits behind another one on its connection is not told that the connection ended.
  const { socket } = response.req
  response.once('close', leave)
  socket.once('close', leave)
  if (response.destroyed || socket.destroyed) leave()
  return {
    left: leaving.signal,
    drop() {
      response.destroy()
      leave()
    },
    forget() {
      response.off('close', leave)
      socket.off('close', leave)
    },
  }
}

function eventOf(result: Result): string {
  const cursor = cursorOf(result)
  const id = cursor !== null && cursor.length <= MAX_ID_LENGTH ? `id: ${cursor}\n` : ''
  return `${id}event: next\ndata: ${JSON.stringify(visibleResult(result))}\n\n`
}

/** Writes one text at a time, and comments in between; drops a client that takes nothing for `stalledMs`. */
function createWriter(response: ServerResponse, client: Client, stalledMs: number) {
  let stalled: NodeJS.Timeout | undefined
  const taken = () => {
    clearTimeout(stalled)
    stalled = undefined
  }
  response.on('drain', taken)
  response.once('finish', taken)
  response.once('close', taken)
  const put = (text: string) => {
    if (!response.write(text)) stalled ??= setTimeout(client.drop, stalledMs)
  }
  const beat = () => {
    if (response.headersSent && !response.writableNeedDrain) put(':\n\n')
    heartbeat = setTimeout(beat, HEARTBEAT_MS)
  }
  let heartbeat = setTimeout(beat, FIRST_HEARTBEAT_MS)
  return {
    /** Resolves when the client took the text, or left. */
    async write(text: string): Promise<void> {
      clearTimeout(heartbeat)
      heartbeat = setTimeout(beat, HEARTBEAT_MS)
      put(text)
      if (!response.writableNeedDrain) return
      await once(response, 'drain', { signal: client.left }).catch(() => {})
    },
    stopBeating: () => clearTimeout(heartbeat),
  }
}
