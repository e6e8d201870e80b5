// The frame of every page: the navigation, the tenant, the search, the state of the connection, and the delivery panel.

import { CatchBoundary, Outlet, useLocation, useMatches } from '@tanstack/react-router'
import { CircleUser, Keyboard, LogOut, Monitor, Moon, Sun } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { UNACKNOWLEDGED } from '../../api/acknowledge.ts'
import { fetchQuery, graphql, useApiQuery } from '../../api/client.ts'
import { noteEndpoint, useStream } from '../../api/live.ts'
import { formatCapped } from '../../lib/format.ts'
import { useShortcut } from '../../lib/keyboard.ts'
import { later, useAllCode } from '../../lib/later.tsx'
import { useOpenDelivery, useOpenDeliveryId } from '../../lib/open-delivery.ts'
import { useStore } from '../../lib/store.ts'
import { setTheme, useThemeChoice } from '../../lib/theme.ts'
import { useInterval } from '../../lib/use-interval.ts'
import { signOut, useViewer } from '../../session/session.ts'
import { sessionStore } from '../../session/session-state.ts'
import { useChosenTenant } from '../../session/tenant.ts'
import { IconButton } from '../../ui/button.tsx'
import { Menu } from '../../ui/menu.tsx'
import { PANEL_CLASS } from '../../ui/page.tsx'
import { LoadingRows } from '../../ui/states.tsx'
import { Toasts } from '../../ui/toast.tsx'
import { ConnectionLight } from './connection-light.tsx'
import { KeyboardHelp } from './keyboard-help.tsx'
import { NavigationBar, NavigationMenu } from './navigation.tsx'
import { PageFailed } from './page-failed.tsx'
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
const TENANTLESS = new Set(['/tenants', '/cells', '/catalogue', '/api', '/docs'])

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
  const { pathname, search } = useLocation()
  // While the code of a page loads, the page before it is still shown.
  const shown = useMatches({ select: (matches) => matches.at(-1)?.pathname ?? pathname })
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
        <NavigationBar deadLetters={deadLetters} isSlim={openDeliveryId !== null || search.event !== undefined} />
        <div className="flex min-w-0 flex-1 flex-col">
          <header className="flex min-h-12 shrink-0 items-center gap-4 border-b border-line bg-surface px-4 max-sm:flex-wrap max-sm:gap-2 max-sm:px-2 max-sm:pt-2">
            <NavigationMenu deadLetters={deadLetters} />
            <TenantName />
            <div className="empty:hidden max-sm:order-last max-sm:w-full max-sm:pb-2">
              <TenantSwitch />
            </div>
            <div className="flex min-w-0 flex-1 justify-center">
              <SearchBox />
            </div>
            <ConnectionLight />
            <span className="flex">
              <span className="max-sm:hidden">
                <IconButton label="Keyboard" icon={<Keyboard size={16} />} onClick={() => setHelpOpen(true)} />
              </span>
              <ThemeMenu />
              <UserMenu />
            </span>
          </header>
          <div className="flex min-h-0 flex-1">
            <main id="main" ref={main} tabIndex={-1} className="flex min-h-0 min-w-0 flex-1 flex-col outline-none">
              {TENANTLESS.has(shown) ? (
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

/** The number of dead letters that are not acknowledged; null for none. Counted again soon after a new one, and at regular times. */
function useDeadLetterCount(tenantId: string | null): string | null {
  const { data, refetch } = useApiQuery(UNACKNOWLEDGED, { tenantId }, { pause: tenantId === null })
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useStream(DEATHS, tenantId === null ? null : { filter: { tenantId, statuses: ['DEAD_LETTERED'] } }, {
    next({ deliveryUpdates }) {
      if (deliveryUpdates.deliveries.length === 0) return
      clearTimeout(timer.current)
      timer.current = setTimeout(refetch, COUNT_AFTER_MS)
    },
    // Every page has this stream, so every page knows whether polling works.
    poll: async () => void (await fetchQuery(UNACKNOWLEDGED, { tenantId })),
  })
  useInterval(() => tenantId !== null && refetch(), COUNT_EVERY_MS)
  const count = data?.unacknowledgedDeadLetterCount
  return count && count.count > 0 ? formatCapped(count) : null
}

function PanelFrame({ children }: { children: ReactNode }) {
  return <aside className={PANEL_CLASS}>{children}</aside>
}

function TenantName() {
  const { tenant } = useViewer()
  return tenant ? <span className="max-w-48 truncate font-medium max-sm:hidden">{tenant.name}</span> : null
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
