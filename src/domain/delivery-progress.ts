// The steps of one attempt, and how they are told from the times that were recorded of it.

export type DeliveryStep = 'DNS' | 'CONNECT' | 'TLS' | 'REQUEST_SENT' | 'FIRST_BYTE' | 'DONE'

/** `atMs` counts from the beginning of the attempt. */
export type ProgressStep = { readonly step: DeliveryStep; readonly atMs: number }

type Timing = {
  readonly dnsMs: number | null
  readonly connectMs: number | null
  readonly tlsMs: number | null
  readonly firstByteMs: number | null
  readonly totalMs: number
}

/**
 * The steps that an attempt took, from how long each of them lasted. A request is taken as sent as soon as its connection
 * stood; over a connection that was there already, that is the beginning.
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
