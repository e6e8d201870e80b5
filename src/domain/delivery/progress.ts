// The steps of one attempt, and how to derive them from its recorded times.

export type DeliveryStep = 'DNS' | 'CONNECT' | 'TLS' | 'REQUEST_SENT' | 'FIRST_BYTE' | 'DONE'

/** `atMs` is the time since the attempt began, in milliseconds. */
export type ProgressStep = { readonly step: DeliveryStep; readonly atMs: number }

type Timing = {
  readonly dnsMs: number | null
  readonly connectMs: number | null
  readonly tlsMs: number | null
  readonly firstByteMs: number | null
  readonly totalMs: number
}

/**
 * The steps of an attempt, derived from their durations. The request counts as sent when the connection is open: over a
 * reused connection, at the beginning.
 */
export function stepsOfTiming({ dnsMs, connectMs, tlsMs, firstByteMs, totalMs }: Timing): ProgressStep[] {
  const steps: ProgressStep[] = []
  let atMs = 0
  const take = (step: DeliveryStep, lastedMs: number | null) => {
    if (lastedMs === null) return
    atMs = Math.min(totalMs, atMs + lastedMs)
    steps.push({ step, atMs })
  }
  take('DNS', dnsMs)
  take('CONNECT', connectMs)
  take('TLS', tlsMs)
  if (tlsMs !== null || firstByteMs !== null) take('REQUEST_SENT', 0)
  take('FIRST_BYTE', firstByteMs)
  steps.push({ step: 'DONE', atMs: totalMs })
  return steps
}
