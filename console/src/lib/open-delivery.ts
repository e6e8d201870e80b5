import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { RootSearch } from './search.ts'

/** Opens a delivery's panel beside whatever page is shown; null closes it. */
export function useOpenDelivery(): (deliveryId: string | null) => void {
  const navigate = useNavigate()
  return useCallback(
    (deliveryId) =>
      void navigate({
        to: '.',
        search: (before: object) => ({ ...before, delivery: deliveryId ?? undefined }),
        replace: deliveryId === null,
      } as never),
    [navigate],
  )
}

/** The delivery whose panel is open. */
export function useOpenDeliveryId(): string | null {
  return (useSearch({ strict: false }) as RootSearch).delivery ?? null
}
