// Where work belongs in a trace. A place is written as the text of a W3C `traceparent` header: it is stored with an event,
// and sent with each attempt.

/** `traceparent`: the place of this span, for what is done within it. */
export type TraceSpan = {
  readonly traceparent: string
  /** Ends the span. `error`: a code; null: it went well. */
  end(result: { readonly error: string | null; readonly attributes?: TraceAttributes }): void
}

export type TraceAttributes = Readonly<Record<string, string | number | boolean>>

/** Begins spans. `parent`: the place in which the span belongs; null: it begins a trace. */
export type Tracing = {
  publish(parent: string | null, attributes: TraceAttributes): TraceSpan
  attempt(parent: string | null, attributes: TraceAttributes): TraceSpan
}

/**
 * The place that a `traceparent` header names, as version 00 writes it; null if it names none. Later versions begin like
 * version 00, so that what follows is left out.
 */
export function readTraceparent(text: unknown): string | null {
  if (typeof text !== 'string') return null
  const [, version, traceId, spanId, flags, rest] = FORM.exec(text.trim()) ?? []
  if (!version || !traceId || !spanId || version === 'ff' || (version === '00' && rest !== undefined)) return null
  return /[1-9a-f]/.test(traceId) && /[1-9a-f]/.test(spanId) ? `00-${traceId}-${spanId}-${flags}` : null
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** The id of the trace to which a text that `readTraceparent` took belongs. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35)
}
