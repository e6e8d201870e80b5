import { getRouteApi } from '@tanstack/react-router'
import { Hourglass, Link2, LogOut } from 'lucide-react'
import { useState } from 'react'
import { graphql, useApiQuery } from '../api/client.ts'
import { ROLE_SENTENCES } from '../components/settings/api-keys.tsx'
import { AuditLog } from '../components/settings/audit-log.tsx'
import { ConsoleLinkDialog } from '../components/settings/console-link-dialog.tsx'
import { ConsoleSessions } from '../components/settings/console-sessions.tsx'
import { NoticeRecipients } from '../components/settings/notice-recipients.tsx'
import { PayloadRetentionDialog } from '../components/settings/payload-retention-dialog.tsx'
import { countOfDays } from '../lib/format.ts'
import { setShortcutsEnabled, useShortcutsEnabled } from '../lib/keyboard.ts'
import { useSetSearch } from '../lib/set-search.ts'
import { setTheme, type ThemeChoice, useThemeChoice } from '../lib/theme.ts'
import { signOut, useRights, useViewer } from '../session/session.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button } from '../ui/button.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { Checkbox, Field, Select } from '../ui/field.tsx'
import { Card, Facts, Page } from '../ui/page.tsx'
import { Failed, LoadingRows } from '../ui/states.tsx'
import { type Tab, Tabs } from '../ui/tabs.tsx'
import { Ago, Time } from '../ui/time.tsx'

const PAGE = graphql(`
  query SettingsPage($tenantId: ID) {
    tenant(id: $tenantId) {
      id
      name
      createdAt
      payloadRetentionDays
      retentionDays
    }
  }
`)

type TabName = 'general' | 'notices' | 'sessions' | 'audit'

const route = getRouteApi('/settings')

export function SettingsPage() {
  const { tab } = route.useSearch()
  const setSearch = useSetSearch<{ tab?: TabName }>()
  const tenantId = useTenantId()
  const { mayReadKeys } = useRights()
  const tabs: Tab<TabName>[] = [{ value: 'general', label: 'General', content: <General tenantId={tenantId} /> }]
  if (mayReadKeys)
    tabs.push(
      { value: 'notices', label: 'Notices', content: <NoticeRecipients tenantId={tenantId} /> },
      { value: 'sessions', label: 'Sessions', content: <ConsoleSessions tenantId={tenantId} /> },
      { value: 'audit', label: 'Audit log', content: <AuditLog tenantId={tenantId} /> },
    )
  return (
    <Page isFull title="Settings">
      <div className="-mx-6 -mb-6 flex max-sm:-mx-4 max-sm:-mb-4 min-h-0 flex-1 flex-col">
        <Tabs<TabName>
          label="Parts of the settings"
          tabs={tabs}
          value={tabs.find(({ value }) => value === tab)?.value ?? 'general'}
          onChange={(next) => setSearch(next === 'general' ? {} : { tab: next })}
        />
      </div>
    </Page>
  )
}

function General({ tenantId }: { tenantId: string }) {
  const { data, fault, refetch } = useApiQuery(PAGE, { tenantId })
  const viewer = useViewer()
  const { mayChange } = useRights()
  const theme = useThemeChoice()
  const shortcutsAreOn = useShortcutsEnabled()
  const [isInviting, setInviting] = useState(false)
  const [isChangingRetention, setChangingRetention] = useState(false)
  const tenant = data?.tenant
  if (fault && !data) return <Failed fault={fault} onRetry={refetch} />
  if (!data) return <LoadingRows />
  return (
    <div className="grid max-w-6xl items-start gap-4 px-6 py-4 max-sm:px-4 xl:grid-cols-2">
      <Card
        title="This session"
        actions={
          <Button icon={<LogOut size={14} aria-hidden />} onClick={() => void signOut()}>
            Sign out
          </Button>
        }
      >
        <div className="p-4">
          <Facts
            facts={[
              ['Signed in as', viewer.name],
              [
                'Role',
                <span key="role">
                  {viewer.role.toLowerCase()}
                  <span className="block text-xs text-ink-3">{ROLE_SENTENCES[viewer.role]}</span>
                </span>,
              ],
              [
                'Ends',
                viewer.expiresAt && (
                  <span key="ends">
                    <Ago at={viewer.expiresAt} /> (<Time at={viewer.expiresAt} />)
                  </span>
                ),
              ],
            ]}
          />
        </div>
      </Card>
      <Card title="This browser">
        <div className="flex flex-col gap-4 p-4">
          <Field label="Theme">
            {(control) => (
              <Select {...control} value={theme} onChange={(event) => setTheme(event.target.value as ThemeChoice)}>
                <option value="system">As the system</option>
                <option value="light">Light</option>
                <option value="dark">Dark</option>
              </Select>
            )}
          </Field>
          <Checkbox
            label="Keyboard shortcuts of a single key"
            hint="Such as j, k, r and g d. Press ? for all of them."
            checked={shortcutsAreOn}
            onChange={(event) => setShortcutsEnabled(event.target.checked)}
          />
        </div>
      </Card>
      {tenant && (
        <Card
          title="Tenant and retention"
          actions={
            mayChange && (
              <Button icon={<Hourglass size={14} aria-hidden />} onClick={() => setChangingRetention(true)}>
                Change retention
              </Button>
            )
          }
        >
          <div className="p-4">
            <Facts
              facts={[
                ['Name', tenant.name],
                [
                  'Id',
                  <span key="id" className="flex items-center gap-1 font-mono text-xs">
                    {tenant.id}
                    <CopyButton text={tenant.id} label="Copy the id" />
                  </span>,
                ],
                ['Created', <Time key="created" at={tenant.createdAt} />],
                [
                  'Kept',
                  <span key="kept">
                    {countOfDays(tenant.retentionDays)}
                    <span className="block text-xs text-ink-3">
                      Events, deliveries and attempts, as the deployment is configured. They go by whole weeks.
                    </span>
                  </span>,
                ],
                [
                  'Payloads kept',
                  <span key="payloads">
                    {countOfDays(tenant.payloadRetentionDays ?? tenant.retentionDays)}
                    <span className="block text-xs text-ink-3">
                      {tenant.payloadRetentionDays === null
                        ? 'As long as their events. This tenant has no retention of its own.'
                        : 'The retention of this tenant. Then the bodies of events and responses are deleted; the log of deliveries stays.'}
                    </span>
                  </span>,
                ],
              ]}
            />
          </div>
        </Card>
      )}
      {mayChange && tenant && (
        <Card title="Invite a person">
          <div className="flex flex-wrap items-center gap-4 p-4">
            <p className="min-w-64 flex-1 text-ink-2">
              A console link signs one browser in, once, with the role you choose. Who made one, and who signed in, is
              in the audit log.
            </p>
            <Button icon={<Link2 size={14} aria-hidden />} onClick={() => setInviting(true)}>
              Invite …
            </Button>
          </div>
        </Card>
      )}
      {isChangingRetention && tenant && (
        <PayloadRetentionDialog tenant={tenant} onClose={() => setChangingRetention(false)} onChanged={refetch} />
      )}
      {isInviting && tenant && (
        <ConsoleLinkDialog tenantId={tenant.id} tenantName={tenant.name} onClose={() => setInviting(false)} />
      )}
    </div>
  )
}
