// A period that ends now, such as the last hour. The address holds its name, so that it moves on with the time.

import { useMemo } from 'react'
import { useNow } from '../ui/time.tsx'

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
  return typeof value === 'string' && value in PERIODS ? (value as Since) : undefined
}

export function describeSince(since: Since): string {
  return PERIODS[since].label
}

/** When a period that ends now begins. */
export function startOf(since: Since): string {
  return new Date(Date.now() - PERIODS[since].ms).toISOString()
}

/** The rows that are still within the period. */
export function useRowsWithin<Row extends { readonly createdAt: string }>(
  rows: readonly Row[],
  since: Since | undefined,
): readonly Row[] {
  const now = useNow(10_000)
  return useMemo(() => {
    if (!since) return rows
    const from = new Date(now - PERIODS[since].ms).toISOString()
    return rows.filter(({ createdAt }) => createdAt >= from)
  }, [rows, since, now])
}
