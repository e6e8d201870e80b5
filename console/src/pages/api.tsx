import { getRouteApi } from '@tanstack/react-router'
import { SignatureChecker } from '../components/endpoints/signature-checker.tsx'
import { ApiKeys } from '../components/settings/api-keys.tsx'
import { later } from '../lib/later.tsx'
import { useSetSearch } from '../lib/set-search.ts'
import { useRights } from '../session/session.ts'
import { useChosenTenant } from '../session/tenant.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Page } from '../ui/page.tsx'
import { type Tab, Tabs } from '../ui/tabs.tsx'

const ApiExplorer = later(() => import('../components/api/api-explorer.tsx'), 'ApiExplorer')

type TabName = 'explorer' | 'keys' | 'signature'

const route = getRouteApi('/api')

export function ApiPage() {
  const { tab, document, variables } = route.useSearch()
  const setSearch = useSetSearch<{ tab?: TabName }>()
  const tenantId = useChosenTenant()
  const { mayReadKeys } = useRights()
  const tabs: Tab<TabName>[] = [
    {
      value: 'explorer',
      label: 'Explorer',
      content: <ApiExplorer key={document} tenantId={tenantId} document={document} variables={variables} />,
    },
  ]
  if (mayReadKeys) tabs.push({ value: 'keys', label: 'Keys', content: <ApiKeys key={tenantId} tenantId={tenantId} /> })
  tabs.push({ value: 'signature', label: 'Signature', content: <SignatureChecker /> })
  const address = `${location.origin}/graphql`
  return (
    <Page
      isFull
      title="API"
      lead={
        <span className="flex flex-wrap items-center gap-1">
          GraphQL at <code className="font-mono text-xs">{address}</code>
          <CopyButton text={address} label="Copy the address" />
          Subscriptions by websocket or server-sent events, at the same address.
        </span>
      }
    >
      <div className="-mx-6 -mb-6 flex max-sm:-mx-4 max-sm:-mb-4 min-h-0 flex-1 flex-col">
        <Tabs<TabName>
          label="Parts of the API page"
          tabs={tabs}
          value={tabs.find(({ value }) => value === tab)?.value ?? 'explorer'}
          onChange={(next) => setSearch(next === 'explorer' ? {} : { tab: next })}
        />
      </div>
    </Page>
  )
}
