import { useMemo } from 'react'
import { useNow } from '../ui/time.tsx'
import { PERIODS, type Since } from './period.ts'

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
