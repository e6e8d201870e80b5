// A period that ends now, such as the last hour. The address holds its name, so that it moves on with the time.

const MINUTE_MS = 60_000
export const PERIODS = {
  '15m': { label: 'Last 15 minutes', ms: 15 * MINUTE_MS },
  '1h': { label: 'Last hour', ms: 60 * MINUTE_MS },
  '24h': { label: 'Last 24 hours', ms: 24 * 60 * MINUTE_MS },
  '7d': { label: 'Last 7 days', ms: 7 * 24 * 60 * MINUTE_MS },
} as const

export type Since = keyof typeof PERIODS

export const SINCE_CHOICES = Object.entries(PERIODS).map(([value, { label }]) => ({ value: value as Since, label }))

export function readSince(value: unknown): Since | undefined {
  return typeof value === 'string' && Object.hasOwn(PERIODS, value) ? (value as Since) : undefined
}

export function describeSince(since: Since): string {
  return PERIODS[since].label
}

/** When a period that ends now begins. */
export function startOf(since: Since): string {
  return new Date(Date.now() - PERIODS[since].ms).toISOString()
}
