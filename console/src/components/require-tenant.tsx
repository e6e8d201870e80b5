import type { ReactNode } from 'react'
import { useEffect } from 'react'
import { graphql, useApiQuery } from '../client.ts'
import { useRights } from '../session.ts'
import { lastTenant, useChooseTenant, useChosenTenant } from '../tenant.ts'
import { Select } from '../ui/field.tsx'
import { Empty, Failed, LoadingRows } from '../ui/states.tsx'

const TENANTS = graphql(`
  query TenantChoices {
    tenants(first: 100) {
      nodes {
        id
        name
      }
    }
  }
`)

/** Shows its children once it is clear whose things they are about; operators are asked. */
export function RequireTenant({ children }: { children: ReactNode }) {
  const tenantId = useChosenTenant()
  if (tenantId !== null) return children
  return <ChooseTenant />
}

function ChooseTenant() {
  const { data, fault, refetch } = useApiQuery(TENANTS, {})
  const choose = useChooseTenant()
  const tenants = data?.tenants?.nodes
  const before = tenants?.find(({ id }) => id === lastTenant()) ?? (tenants?.length === 1 ? tenants[0] : undefined)
  useEffect(() => {
    if (before) choose(before.id)
  }, [before, choose])
  if (fault) return <Failed fault={fault} onRetry={refetch} />
  if (!tenants || before) return <LoadingRows rows={3} />
  if (tenants.length === 0)
    return <Empty title="There are no tenants yet">Make the first one on the page Tenants.</Empty>
  return (
    <Empty
      title="Whose deliveries do you want to see?"
      action={
        <Select aria-label="Tenant" defaultValue="" onChange={(event) => choose(event.target.value)}>
          <option value="" disabled>
            Choose a tenant
          </option>
          {tenants.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Select>
      }
    >
      You are an operator: every list is one tenant’s.
    </Empty>
  )
}

/** The tenant in the top bar: its name, or an operator's choice. */
export function TenantSwitch() {
  const { isOperator } = useRights()
  const tenantId = useChosenTenant()
  const { data } = useApiQuery(TENANTS, {}, { pause: !isOperator })
  const choose = useChooseTenant()
  if (!isOperator || !data?.tenants) return null
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
      {data.tenants.nodes.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </Select>
  )
}
