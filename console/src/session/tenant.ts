// The tenant of a page. Every viewer except operators has one tenant; the address holds an operator's choice.

import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { RootSearch } from '../lib/search.ts'
import { useViewer } from './session.ts'

const LAST_KEY = 'sivo.tenant'

/** The tenant of this page; null if an operator has chosen none. */
export function useChosenTenant(): string | null {
  const { tenant } = useViewer()
  const search = useSearch({ strict: false }) as RootSearch
  return tenant?.id ?? search.tenant ?? null
}

/** The tenant of a page that is rendered only if there is one. */
export function useTenantId(): string {
  const tenantId = useChosenTenant()
  if (tenantId === null) throw new Error('Expected a chosen tenant, got none. Show this page below RequireTenant.')
  return tenantId
}

/** With `replace` the page before the choice is not one to go back to: it would only choose again. */
export function useChooseTenant({ replace = false } = {}): (tenantId: string) => void {
  const navigate = useNavigate()
  return useCallback(
    (tenantId) => {
      localStorage.setItem(LAST_KEY, tenantId)
      void navigate({
        to: '.',
        replace,
        // A link to a delivery may name no tenant. The panel of another tenant's delivery is closed.
        search: (before: { tenant?: string }) =>
          before.tenant === undefined
            ? { ...before, tenant: tenantId }
            : { ...before, tenant: tenantId, delivery: undefined },
      } as never)
    },
    [navigate, replace],
  )
}

export function lastTenant(): string | null {
  return localStorage.getItem(LAST_KEY)
}
