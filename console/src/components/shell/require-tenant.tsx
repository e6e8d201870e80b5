import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useEffect } from 'react'
import { graphql } from '../../api/client.ts'
import { useEveryPage } from '../../api/every-page.ts'
import { useRights } from '../../session/session.ts'
import { lastTenant, useChooseTenant, useChosenTenant } from '../../session/tenant.ts'
import { buttonClass } from '../../ui/button.tsx'
import { Select } from '../../ui/field.tsx'
import { Page } from '../../ui/page.tsx'
import { Failed, LoadingRows } from '../../ui/states.tsx'

const TENANTS = graphql(`
  query TenantChoices($after: String) {
    tenants(first: 100, after: $after) {
      nodes {
        id
        name
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

function useTenantChoices(options?: { pause: boolean }) {
  return useEveryPage(TENANTS, {}, ({ tenants }) => tenants, options)
}

/** Shows its children when the tenant is known. Operators must choose one. */
export function RequireTenant({ children }: { children: ReactNode }) {
  const tenantId = useChosenTenant()
  if (tenantId !== null) return children
  return <ChooseTenant />
}

/** The tenant that this browser looked at last, or the only one. */
function usualTenant(tenants: readonly { readonly id: string }[] | undefined): string | undefined {
  return (tenants?.find(({ id }) => id === lastTenant()) ?? (tenants?.length === 1 ? tenants[0] : undefined))?.id
}

function ChooseTenant() {
  const { nodes: tenants, isWhole, fault, refetch } = useTenantChoices()
  const choose = useChooseTenant()
  if (fault) return <Failed fault={fault} onRetry={refetch} />
  // The switch in the top bar chooses the usual one.
  if (!tenants || !isWhole || usualTenant(tenants)) return <LoadingRows rows={3} />
  if (tenants.length === 0)
    return (
      <Page title="There are no tenants yet" lead="Each page shows one tenant’s things.">
        <Link to="/tenants" className={buttonClass('primary')}>
          Open the first one
        </Link>
      </Page>
    )
  return (
    <Page
      title="Choose a tenant"
      lead="You are signed in as an operator. Each page shows one tenant’s things: say whose, here or in the top bar."
    >
      <Select
        aria-label="Tenant to look at"
        className="max-w-80"
        defaultValue=""
        onChange={(event) => choose(event.target.value)}
      >
        <option value="" disabled>
          Choose a tenant
        </option>
        {tenants.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </Select>
    </Page>
  )
}

/** The tenant in the top bar: its name, or a selector for operators. */
export function TenantSwitch() {
  const { isOperator } = useRights()
  const tenantId = useChosenTenant()
  const { nodes: tenants } = useTenantChoices({ pause: !isOperator })
  const choose = useChooseTenant()
  const chooseUsual = useChooseTenant({ replace: true })
  const usual = usualTenant(tenants)
  useEffect(() => {
    if (isOperator && tenantId === null && usual) chooseUsual(usual)
  }, [isOperator, tenantId, usual, chooseUsual])
  if (!isOperator || !tenants) return null
  return (
    <Select
      aria-label="Tenant"
      className="max-w-56"
      value={tenantId ?? ''}
      onChange={(event) => choose(event.target.value)}
    >
      <option value="" disabled>
        Choose a tenant
      </option>
      {tenants.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </Select>
  )
}
