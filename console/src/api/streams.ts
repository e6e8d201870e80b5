// The subscriptions of the console. A stream stays open until it is closed: over the one websocket of the tab, over
// server-sent events if websockets do not work, and by polling every five seconds if nothing stays open. Each time a
// stream opens again, it asks for its variables again, so it continues from the last cursor and misses nothing.
// A tab that was hidden for a minute closes everything, and opens it again when it is visible.

import { createClient } from 'graphql-ws'
import { useEffect, useRef } from 'react'
import type { TypedDocumentString } from '../gql/graphql.ts'
import { createStore, useStore } from '../lib/store.ts'
import { sessionLost } from '../session/session-state.ts'
import { OWN_PAGE } from './client.ts'
import { type Fault, faultOf } from './faults.ts'

export type ConnectionState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'polling' | 'paused'
export type Connection = { readonly state: ConnectionState; readonly over: 'websocket' | 'events' | null }

export type StreamSink<Data> = {
  next(data: Data): void
  /** Called when a lost connection is open again. The next batch holds what was missed. */
  resumed?(): void
  /** Called when the gateway refused the stream for good. It does not open again. */
  refused?(fault: Fault): void
  /** Called when the gateway ended the stream. Only some streams end. */
  ended?(): void
  /** Reads once what the stream would have sent. Throws if that fails too. */
  poll?(): Promise<void>
}

const HIDDEN_MS = 60_000
const POLL_MS = 5_000
const SOCKET_AGAIN_MS = 60_000
const SILENCE_MS = 45_000
const FIRST_WAIT_MS = 400
const LONGEST_WAIT_MS = 8_000

/** Temporary errors: the stream opens again after them. */
const PASSING = new Set(['SERVICE_UNAVAILABLE', 'RATE_LIMITED', 'INTERNAL_SERVER_ERROR', 'UNKNOWN'])

const connection = createStore<Connection>({ state: 'idle', over: null })
export function useConnection(): Connection {
  return useStore(connection)
}

/** Resolves when the connection is live, or lists are polled. */
export function whenLive(): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!['live', 'polling'].includes(connection.get().state)) return
      stop()
      resolve()
    }
    const stop = connection.subscribe(check)
    check()
  })
}

/** Calls a function when the connection becomes live again after it was not. */
export function useOnLive(run: () => void): void {
  const latest = useRef(run)
  latest.current = run
  useEffect(() => {
    let before = connection.get().state
    return connection.subscribe(() => {
      const { state } = connection.get()
      if (state === 'live' && before !== 'live') latest.current()
      before = state
    })
  }, [])
}

type Phase = 'connecting' | 'live' | 'reconnecting' | 'polling'
const phases = new Map<symbol, { phase: Phase; over: Connection['over'] }>()
let heldViews = 0
let asleep = false

function setPhase(stream: symbol, phase: Phase | null, over: Connection['over'] = null): void {
  if (phase) phases.set(stream, { phase, over })
  else phases.delete(stream)
  showConnection()
}

function showConnection(): void {
  const all = [...phases.values()]
  // A stream that polls shows that the gateway answers. Streams that cannot poll show nothing.
  const worst = (['polling', 'reconnecting', 'connecting', 'live'] as const).find((phase) =>
    all.some((one) => one.phase === phase),
  )
  const over = all.find((one) => one.over !== null)?.over ?? null
  const state: ConnectionState =
    asleep || (heldViews > 0 && (worst === 'live' || worst === undefined)) ? 'paused' : (worst ?? 'idle')
  const before = connection.get()
  if (before.state !== state || before.over !== over) connection.set({ state, over })
}

/** Reports that a view holds back new rows, until the returned function is called. */
export function holdView(): () => void {
  heldViews++
  showConnection()
  let held = true
  return () => {
    if (held) heldViews--
    held = false
    showConnection()
  }
}

let wake: (() => void)[] = []
let sleepTimer: ReturnType<typeof setTimeout> | undefined
const sleepers = new Set<() => void>()

document.addEventListener('visibilitychange', () => {
  clearTimeout(sleepTimer)
  if (document.hidden) {
    sleepTimer = setTimeout(() => {
      asleep = true
      showConnection()
      for (const interrupt of [...sleepers]) interrupt()
    }, HIDDEN_MS)
  } else if (asleep) {
    asleep = false
    const waiting = wake
    wake = []
    for (const go of waiting) go()
    showConnection()
  }
})

function awake(): Promise<void> {
  return asleep ? new Promise((resolve) => wake.push(resolve)) : Promise.resolve()
}

let socketIsOpen = false
let socketAgainAt = 0
let pongTimer: ReturnType<typeof setTimeout> | undefined

const socket = createClient({
  url: () => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
  lazy: true,
  lazyCloseTimeout: 5_000,
  keepAlive: 15_000,
  connectionAckWaitTimeout: 6_000,
  // Each stream opens again itself, from its own cursor.
  retryAttempts: 0,
  onNonLazyError: () => {},
  on: {
    connected: () => {
      socketIsOpen = true
    },
    closed: () => {
      socketIsOpen = false
      clearTimeout(pongTimer)
    },
    ping: (received) => {
      clearTimeout(pongTimer)
      if (!received) pongTimer = setTimeout(() => socket.terminate(), 6_000)
    },
    pong: (received) => {
      if (received) clearTimeout(pongTimer)
    },
  },
})

type End =
  | { readonly kind: 'unopened' | 'lost' | 'closed' | 'ended' }
  | { readonly kind: 'refused'; readonly fault: Fault }
type Operation = { readonly query: string; readonly variables: Record<string, unknown> }
type Payload = {
  data?: unknown
  errors?: readonly { message: string; extensions?: Record<string, unknown> | undefined }[]
}
type Attempt = {
  readonly signal: AbortSignal
  next(payload: Payload): void
  opened(over: 'websocket' | 'events'): void
}

/** Opens a stream for a document and keeps it open. Returns a function that closes it. */
export function openStream<Data, Variables>(
  document: TypedDocumentString<Data, Variables> | string,
  variables: () => Variables,
  sink: StreamSink<Data>,
): () => void {
  const id = Symbol('stream')
  const closing = new AbortController()
  let wasOpen = false
  let failures = 0

  const once = async (): Promise<End> => {
    const ending = new AbortController()
    const interrupt = () => ending.abort()
    closing.signal.addEventListener('abort', interrupt)
    sleepers.add(interrupt)
    let refused: Fault | null = null
    const attempt: Attempt = {
      signal: ending.signal,
      opened(over) {
        failures = 0
        if (wasOpen) sink.resumed?.()
        wasOpen = true
        setPhase(id, 'live', over)
      },
      next(payload) {
        if (payload.errors?.length) {
          refused = faultOf(payload.errors)
          ending.abort()
        } else sink.next(payload.data as Data)
      },
    }
    const operation = { query: document.toString(), variables: variables() as Record<string, unknown> }
    try {
      let end: End = { kind: 'unopened' }
      if (Date.now() >= socketAgainAt) end = await overSocket(operation, attempt)
      if (end.kind === 'unopened' && !ending.signal.aborted) {
        end = await overEvents(operation, attempt)
        if (end.kind !== 'unopened') socketAgainAt = Date.now() + SOCKET_AGAIN_MS
      }
      if (refused) return { kind: 'refused', fault: refused }
      return end
    } finally {
      closing.signal.removeEventListener('abort', interrupt)
      sleepers.delete(interrupt)
    }
  }

  const run = async () => {
    while (!closing.signal.aborted) {
      await awake()
      if (closing.signal.aborted) return
      setPhase(
        id,
        wasOpen || failures > 0 ? (phases.get(id)?.phase === 'polling' ? 'polling' : 'reconnecting') : 'connecting',
      )
      const end = await once()
      if (closing.signal.aborted) return
      if (end.kind === 'refused' && !PASSING.has(end.fault.code)) {
        setPhase(id, null)
        if (end.fault.code === 'UNAUTHENTICATED') sessionLost()
        return sink.refused?.(end.fault)
      }
      if (end.kind === 'ended' && sink.ended) {
        setPhase(id, null)
        return sink.ended()
      }
      if (asleep) continue
      failures++
      if (end.kind === 'unopened' && sink.poll && (await polled(sink.poll))) {
        if (closing.signal.aborted) return
        setPhase(id, 'polling')
        await pause(POLL_MS, closing.signal)
      } else {
        setPhase(id, 'reconnecting')
        await pause(
          Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)) * (0.75 + Math.random() / 2),
          closing.signal,
        )
      }
    }
  }

  run().finally(() => setPhase(id, null))
  return () => {
    closing.abort()
    setPhase(id, null)
  }
}

function overSocket(operation: Operation, { signal, next, opened }: Attempt): Promise<End> {
  return new Promise((resolve) => {
    let isOpen = false
    const markOpen = () => {
      if (isOpen) return
      isOpen = true
      opened('websocket')
    }
    const stopListening = socket.on('connected', markOpen)
    const finish = (end: End) => {
      stopListening()
      signal.removeEventListener('abort', abort)
      resolve(end)
    }
    const unsubscribe = socket.subscribe<unknown>(operation, {
      next(payload) {
        markOpen()
        next(payload as Payload)
      },
      error(error) {
        if (Array.isArray(error)) return finish({ kind: 'refused', fault: faultOf(error) })
        if ((error as CloseEvent).code === 4403) sessionLost()
        finish({ kind: isOpen ? 'lost' : 'unopened' })
      },
      complete: () => finish({ kind: signal.aborted ? 'closed' : 'ended' }),
    })
    const abort = () => {
      unsubscribe()
      finish({ kind: 'closed' })
    }
    if (socketIsOpen) markOpen()
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
  })
}

async function overEvents(operation: Operation, { signal, next, opened }: Attempt): Promise<End> {
  const silence = new AbortController()
  const restart = () => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), SILENCE_MS)
  }
  let timer = setTimeout(() => silence.abort(), 15_000)
  let isOpen = false
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { ...OWN_PAGE, accept: 'text/event-stream', 'content-type': 'application/json' },
      credentials: 'same-origin',
      body: JSON.stringify(operation),
      signal: AbortSignal.any([signal, silence.signal]),
    })
    if (response.status === 401) sessionLost()
    if (!response.ok || !response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
      const body = (await response.json().catch(() => null)) as Payload | null
      return body?.errors?.length && response.status !== 401
        ? { kind: 'refused', fault: faultOf(body.errors) }
        : { kind: 'unopened' }
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return { kind: isOpen ? 'lost' : 'unopened' }
      restart()
      if (!isOpen) opened('events')
      isOpen = true
      text += value
      for (let at = text.search(/\r?\n\r?\n/); at >= 0; at = text.search(/\r?\n\r?\n/)) {
        const block = text.slice(0, at)
        text = text.slice(at).replace(/^\r?\n\r?\n/, '')
        const lines = block.split(/\r?\n/)
        if (lines.some((line) => /^event: ?complete/.test(line))) return { kind: 'ended' }
        const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart())
        if (data.length > 0 && data.join('') !== '') next(JSON.parse(data.join('\n')) as Payload)
      }
    }
  } catch {
    if (signal.aborted) return { kind: 'closed' }
    return { kind: isOpen ? 'lost' : 'unopened' }
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
}

async function polled(poll: () => Promise<void>): Promise<boolean> {
  try {
    // Some ways to read again do not report a failure.
    const health = await fetch('/health', { cache: 'no-store' })
    if (!health.ok) return false
    await poll()
    return true
  } catch {
    return false
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
