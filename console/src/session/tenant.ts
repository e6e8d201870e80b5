// Whose things are looked at: everybody but operators has one tenant; an operator's choice is in the address.

import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { RootSearch } from '../lib/search.ts'
import { useViewer } from './session.ts'

const LAST_KEY = 'sivo.tenant'

/** The tenant of this page; null for an operator who has not chosen. */
export function useChosenTenant(): string | null {
  const { tenant } = useViewer()
  const search = useSearch({ strict: false }) as RootSearch
  return tenant?.id ?? search.tenant ?? null
}

/** The tenant of a page that is only shown once there is one. */
export function useTenantId(): string {
  const tenantId = useChosenTenant()
  if (tenantId === null) throw new Error('Expected a chosen tenant, came none. Show this page below RequireTenant.')
  return tenantId
}

export function useChooseTenant(): (tenantId: string) => void {
  const navigate = useNavigate()
  return useCallback(
    (tenantId) => {
      localStorage.setItem(LAST_KEY, tenantId)
      void navigate({
        to: '.',
        search: (before: object) => ({ ...before, tenant: tenantId, delivery: undefined }),
      } as never)
    },
    [navigate],
  )
}

export function lastTenant(): string | null {
  return localStorage.getItem(LAST_KEY)
}
