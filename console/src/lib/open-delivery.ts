import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { RootSearch } from './search.ts'

/** Opens the panel of a delivery beside the current page. null closes it. */
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

/** The delivery in the open panel. */
export function useOpenDeliveryId(): string | null {
  return (useSearch({ strict: false }) as RootSearch).delivery ?? null
}
