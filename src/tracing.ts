// Spans of OpenTelemetry, from the publish of an event to each of its attempts, sent to a collector by OTLP over HTTP. Off
// unless a collector is configured. Promise: a collector that is slow or away delays and fails nothing; spans that do not
// fit into the queue are dropped.

import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { TraceAttributes, TraceSpan, Tracing } from './domain/trace.ts'
import { within } from './waiting.ts'

export type TracingOptions = {
  /** Where the collector takes traces, such as http://localhost:4318/v1/traces. */
  readonly url: string
  readonly version: string
  readonly role: string
  /** The id of the process at its start. */
  readonly instance: string
}

const EXPORT_TIMEOUT_MS = 5_000
const CLOSE_WITHIN_MS = 3_000

/** Opens nothing until the first spans are sent. `close` sends what is left, for 3 s at most. */
export function openTracing({ url, version, role, instance }: TracingOptions): Tracing & { close(): Promise<void> } {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'sivo-webhooks',
      'service.version': version,
      'service.instance.id': instance,
      'sivo.role': role,
    }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url, timeoutMillis: EXPORT_TIMEOUT_MS }),
        scheduledDelayMillis: 1_000,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
        maxQueueSize: 8_192,
      }),
    ],
  })
  const tracer = provider.getTracer('sivo-webhooks', version)
  const begin = (name: string, kind: SpanKind, parent: string | null, attributes: TraceAttributes): TraceSpan => {
    const context = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent))
    return asTraceSpan(tracer.startSpan(name, { kind, attributes }, context))
  }
  return {
    publish: (parent, attributes) => begin('publish events', SpanKind.PRODUCER, parent, attributes),
    attempt: (parent, attributes) => begin('deliver event', SpanKind.CLIENT, parent, attributes),
    async close() {
      await within(CLOSE_WITHIN_MS, provider.shutdown()).catch(() => {})
    },
  }
}

function asTraceSpan(span: Span): TraceSpan {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    end({ error, attributes = {} }) {
      span.setAttributes(attributes)
      if (error !== null)
        span.setStatus({ code: SpanStatusCode.ERROR, message: error }).setAttribute('error.type', error)
      span.end()
    },
  }
}

/** Of a text that `readTraceparent` took. */
function spanContextOf(traceparent: string) {
  const [, traceId = '', spanId = '', flags = '00'] = traceparent.split('-')
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
}
