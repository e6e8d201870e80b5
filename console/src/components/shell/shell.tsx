// The frame of every page: the navigation, the tenant, the search, the state of the connection, and the delivery panel.

import { CatchBoundary, Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router'
import { type Activity, Building2, CircleUser, Keyboard, LogOut, Monitor, Moon, Sun } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { fetchQuery, graphql, useApiQuery } from '../../api/client.ts'
import { noteEndpoint, useStream } from '../../api/live.ts'
import { formatCapped } from '../../lib/format.ts'
import { useShortcut } from '../../lib/keyboard.ts'
import { later, useAllCode } from '../../lib/later.tsx'
import { useOpenDelivery, useOpenDeliveryId } from '../../lib/open-delivery.ts'
import { useStore } from '../../lib/store.ts'
import { setTheme, useThemeChoice } from '../../lib/theme.ts'
import { useInterval } from '../../lib/use-interval.ts'
import { signOut, useRights, useViewer } from '../../session/session.ts'
import { sessionStore } from '../../session/session-state.ts'
import { useChosenTenant } from '../../session/tenant.ts'
import { IconButton } from '../../ui/button.tsx'
import { Menu } from '../../ui/menu.tsx'
import { LoadingRows } from '../../ui/states.tsx'
import { Toasts } from '../../ui/toast.tsx'
import { ConnectionLight } from './connection-light.tsx'
import { KeyboardHelp } from './keyboard-help.tsx'
import { PageFailed } from './page-failed.tsx'
import { PAGES } from './pages.ts'
import { RequireTenant, TenantSwitch } from './require-tenant.tsx'
import { SearchBox } from './search-box.tsx'
import { SignIn } from './sign-in.tsx'

const DeliveryPanel = later(
  () => import('../deliveries/delivery-panel.tsx'),
  'DeliveryPanel',
  <PanelFrame>
    <LoadingRows />
  </PanelFrame>,
)

/** The pages that concern no single tenant. */
const TENANTLESS = new Set(['/tenants', '/catalogue', '/api'])

export function Shell() {
  const session = useStore(sessionStore)
  if (session.state === 'checking') return <LoadingRows rows={3} label="Signing in" />
  if (session.state !== 'signed-in') return <SignIn session={session} />
  return <SignedIn />
}

const ENDPOINT_CHANGES = graphql(`
  subscription ShellEndpointUpdates($tenantId: ID) {
    endpointUpdates(tenantId: $tenantId) {
      endpoint {
        id
        status
      }
    }
  }
`)

function SignedIn() {
  const { isOperator } = useRights()
  const { pathname } = useLocation()
  const tenantId = useChosenTenant()
  const main = useRef<HTMLElement>(null)
  const [helpIsOpen, setHelpOpen] = useState(false)
  const openDeliveryId = useOpenDeliveryId()
  const openDelivery = useOpenDelivery()

  // Keeps the connection of the tab open on every page, so that every page knows its state.
  useStream(ENDPOINT_CHANGES, tenantId === null ? null : { tenantId }, ({ endpointUpdates }) =>
    noteEndpoint(endpointUpdates.endpoint),
  )

  const deadLetters = useDeadLetterCount(tenantId)
  useAllCode()

  const lastPath = useRef(pathname)
  useEffect(() => {
    if (lastPath.current !== pathname) main.current?.focus({ preventScroll: true })
    lastPath.current = pathname
  }, [pathname])

  useShortcut({ keys: '?', does: 'Show this help', group: 'Everywhere' }, () => setHelpOpen(true))

  return (
    <div className="flex h-full flex-col">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-raised focus:p-2">
        Skip to the page
      </a>
      <div className="flex min-h-0 flex-1">
        <nav aria-label="Pages" className="flex w-14 shrink-0 flex-col border-r border-line bg-surface lg:w-48">
          <Link to="/" className="flex h-12 items-center gap-2.5 px-4 font-semibold">
            <img src="/favicon.svg" alt="" className="size-6" />
            <span className="sr-only lg:not-sr-only">SIVO Webhooks</span>
          </Link>
          <ul className="flex min-h-0 flex-1 flex-col gap-0.5 overflow-y-auto px-2 py-2">
            {PAGES.map((page) => (
              <PageLink key={page.to} {...page} count={page.to === '/dead-letters' ? deadLetters : null} />
            ))}
            {isOperator && <PageLink to="/tenants" label="Tenants" icon={Building2} keys="g n" />}
          </ul>
        </nav>
        <div className="flex min-w-0 flex-1 flex-col">
          <header className="flex h-12 shrink-0 items-center gap-4 border-b border-line bg-surface px-4">
            <TenantName />
            <TenantSwitch />
            <div className="flex flex-1 justify-center">
              <SearchBox />
            </div>
            <ConnectionLight />
            <span className="flex">
              <IconButton label="Keyboard" icon={<Keyboard size={16} />} onClick={() => setHelpOpen(true)} />
              <ThemeMenu />
              <UserMenu />
            </span>
          </header>
          <div className="flex min-h-0 flex-1">
            <main id="main" ref={main} tabIndex={-1} className="flex min-h-0 min-w-0 flex-1 flex-col outline-none">
              {TENANTLESS.has(pathname) ? (
                <Outlet />
              ) : (
                <RequireTenant>
                  <Outlet key={tenantId} />
                </RequireTenant>
              )}
            </main>
            {openDeliveryId && (
              <CatchBoundary
                getResetKey={() => openDeliveryId}
                errorComponent={(failed) => (
                  <PanelFrame>
                    <PageFailed {...failed} />
                  </PanelFrame>
                )}
              >
                <DeliveryPanel key={openDeliveryId} deliveryId={openDeliveryId} onClose={() => openDelivery(null)} />
              </CatchBoundary>
            )}
          </div>
        </div>
      </div>
      <Toasts />
      <KeyboardHelp isOpen={helpIsOpen} onClose={() => setHelpOpen(false)} />
    </div>
  )
}

const NOTHING = () => {}

const DEAD_LETTERS = graphql(`
  query ShellDeadLetterCount($filter: DeliveryFilter) {
    deliveryCount(filter: $filter) {
      count
      precision
    }
  }
`)

const DEATHS = graphql(`
  subscription ShellDeaths($filter: DeliveryFilter) {
    deliveryUpdates(filter: $filter) {
      cursor
      deliveries {
        id
      }
    }
  }
`)

const COUNT_EVERY_MS = 15_000
const COUNT_AFTER_MS = 1_000

/** The number of dead letters; null for none. Counted again soon after a new one, and at regular times. */
function useDeadLetterCount(tenantId: string | null): string | null {
  const variables = { filter: { tenantId, statuses: ['DEAD_LETTERED' as const] } }
  const { data, refetch } = useApiQuery(DEAD_LETTERS, variables, { pause: tenantId === null })
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useStream(DEATHS, tenantId === null ? null : variables, {
    next({ deliveryUpdates }) {
      if (deliveryUpdates.deliveries.length === 0) return
      clearTimeout(timer.current)
      timer.current = setTimeout(refetch, COUNT_AFTER_MS)
    },
    // Every page has this stream, so every page knows whether polling works.
    poll: async () => void (await fetchQuery(DEAD_LETTERS, variables)),
  })
  useInterval(() => tenantId !== null && refetch(), COUNT_EVERY_MS)
  const count = data?.deliveryCount
  return count && count.count > 0 ? formatCapped(count) : null
}

function PanelFrame({ children }: { children: ReactNode }) {
  return <aside className="w-[560px] shrink-0 border-l border-line bg-surface max-xl:w-[460px]">{children}</aside>
}

type PageLinkProps = { to: string; label: string; icon: typeof Activity; keys: string; count?: string | null }

function PageLink({ to, label, icon: Icon, keys, count }: PageLinkProps) {
  const navigate = useNavigate()
  useShortcut({ keys, does: label, group: 'Go to' }, () => void navigate({ to }))
  return (
    <li>
      <Link
        to={to}
        activeOptions={{ exact: to === '/', includeSearch: false }}
        title={label}
        className="flex h-8 items-center gap-2.5 rounded-md px-2 text-ink-2 hover:bg-hover hover:text-ink max-lg:justify-center"
        activeProps={{ className: 'bg-selected! text-ink! font-medium' }}
      >
        <Icon size={16} className="shrink-0" aria-hidden />
        <span className="flex-1 max-lg:sr-only">{label}</span>
        {count && (
          <span className="rounded bg-bad-bg px-1.5 text-xs font-medium text-bad tabular-nums max-lg:hidden">
            {count}
          </span>
        )}
      </Link>
    </li>
  )
}

function TenantName() {
  const { tenant } = useViewer()
  return tenant ? <span className="max-w-48 truncate font-medium">{tenant.name}</span> : null
}

function ThemeMenu() {
  const choice = useThemeChoice()
  const Icon = choice === 'dark' ? Moon : choice === 'light' ? Sun : Monitor
  return (
    <Menu
      trigger={<IconButton label="Theme" icon={<Icon size={16} />} />}
      items={[
        { label: 'As the system', icon: <Monitor size={14} aria-hidden />, onSelect: () => setTheme('system') },
        { label: 'Light', icon: <Sun size={14} aria-hidden />, onSelect: () => setTheme('light') },
        { label: 'Dark', icon: <Moon size={14} aria-hidden />, onSelect: () => setTheme('dark') },
      ]}
    />
  )
}

function UserMenu() {
  const { name, role } = useViewer()
  return (
    <Menu
      trigger={<IconButton label={`Signed in as ${name}, ${role.toLowerCase()}`} icon={<CircleUser size={16} />} />}
      items={[
        { label: `${name} · ${role.toLowerCase()}`, isDisabled: true, onSelect: NOTHING },
        'line',
        { label: 'Sign out', icon: <LogOut size={14} aria-hidden />, onSelect: () => void signOut() },
      ]}
    />
  )
}
