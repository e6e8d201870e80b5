import { useNavigate } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { RootSearch } from './search.ts'

/** Replaces the parameters of this page in the address. The tenant and the open delivery stay. */
export function useSetSearch<Search extends object>(): (search: Search) => void {
  const navigate = useNavigate()
  return useCallback(
    (search) =>
      void navigate({
        to: '.',
        search: ({ tenant, delivery }: RootSearch) => ({ ...search, tenant, delivery }),
      } as never),
    [navigate],
  )
}
