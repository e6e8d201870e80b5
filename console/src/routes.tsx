// The routes, one line for each page. The code of a page is loaded when it is opened, or before that when the browser is idle.

import { createRootRoute, createRoute, createRouter, redirect, retainSearchParams } from '@tanstack/react-router'
import { PageFailed, PageNotFound } from './components/shell/page-failed.tsx'
import { Shell } from './components/shell/shell.tsx'
import { later } from './lib/later.tsx'
import {
  compact,
  deliverySearch,
  eventSearch,
  failedAttemptSearch,
  only,
  overviewSearch,
  parseSearch,
  type RootSearch,
  rootSearch,
  stringifySearch,
  text,
} from './lib/search.ts'

const root = createRootRoute({
  component: Shell,
  notFoundComponent: PageNotFound,
  validateSearch: rootSearch,
  search: { middlewares: [retainSearchParams<RootSearch>(['tenant'])] },
})

const at = <Path extends string>(path: Path) => ({ getParentRoute: () => root, path })

const tabOf = only((raw) => compact({ tab: text(raw['tab']) }))

// Each route is a constant, because routes inside the list would lose their types.
const overview = createRoute({
  ...at('/'),
  validateSearch: only(overviewSearch),
  component: later(() => import('./pages/overview.tsx'), 'OverviewPage'),
})
const live = createRoute({
  ...at('/live'),
  validateSearch: only(deliverySearch),
  component: later(() => import('./pages/live.tsx'), 'LivePage'),
})
const deliveries = createRoute({
  ...at('/deliveries'),
  validateSearch: only(deliverySearch),
  component: later(() => import('./pages/deliveries.tsx'), 'DeliveriesPage'),
})
const oneDelivery = createRoute({
  ...at('/deliveries/$deliveryId'),
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/deliveries', search: { delivery: params.deliveryId } })
  },
})
const failedAttempts = createRoute({
  ...at('/failed-attempts'),
  validateSearch: only(failedAttemptSearch),
  component: later(() => import('./pages/failed-attempts.tsx'), 'FailedAttemptsPage'),
})
const events = createRoute({
  ...at('/events'),
  validateSearch: only(eventSearch),
  component: later(() => import('./pages/events.tsx'), 'EventsPage'),
})
const call = createRoute({
  ...at('/call'),
  validateSearch: only((raw) => ({ subject: text(raw['subject']) ?? '' })),
  component: later(() => import('./pages/call.tsx'), 'CallPage'),
})
const callsByNumber = createRoute({
  ...at('/calls'),
  validateSearch: only((raw) => ({ number: text(raw['number']) ?? '' })),
  component: later(() => import('./pages/calls-by-number.tsx'), 'CallsByNumberPage'),
})
const found = createRoute({
  ...at('/found'),
  validateSearch: only((raw) => ({ text: text(raw['text']) ?? '' })),
  component: later(() => import('./pages/found.tsx'), 'FoundPage'),
})
const endpoints = createRoute({
  ...at('/endpoints'),
  component: later(() => import('./pages/endpoints.tsx'), 'EndpointsPage'),
})
const newEndpoint = createRoute({
  ...at('/endpoints/new'),
  validateSearch: only((raw) => compact({ receiver: text(raw['receiver']) })),
  component: later(() => import('./pages/new-endpoint.tsx'), 'NewEndpointPage'),
})
const oneEndpoint = createRoute({
  ...at('/endpoints/$endpointId'),
  validateSearch: tabOf,
  component: later(() => import('./pages/endpoint.tsx'), 'EndpointPage'),
})
const deadLetters = createRoute({
  ...at('/dead-letters'),
  validateSearch: only(deliverySearch),
  component: later(() => import('./pages/dead-letters.tsx'), 'DeadLettersPage'),
})
const bulkRetry = createRoute({
  ...at('/bulk-retries/$bulkRetryId'),
  component: later(() => import('./pages/bulk-retry.tsx'), 'BulkRetryPage'),
})
const catalogue = createRoute({
  ...at('/catalogue'),
  validateSearch: only((raw) => compact({ type: text(raw['type']) })),
  component: later(() => import('./pages/catalogue.tsx'), 'CataloguePage'),
})
const tester = createRoute({
  ...at('/tester'),
  validateSearch: only((raw) =>
    compact({ endpoint: text(raw['endpoint']), type: text(raw['type']), tab: text(raw['tab']) }),
  ),
  component: later(() => import('./pages/tester.tsx'), 'TesterPage'),
})
const receiver = createRoute({
  ...at('/receiver'),
  component: later(() => import('./pages/receiver.tsx'), 'ReceiverPage'),
})
const api = createRoute({
  ...at('/api'),
  validateSearch: only((raw) =>
    compact({ tab: text(raw['tab']), document: text(raw['document']), variables: text(raw['variables']) }),
  ),
  component: later(() => import('./pages/api.tsx'), 'ApiPage'),
})
const docs = createRoute({
  ...at('/docs'),
  validateSearch: only((raw) => compact({ page: text(raw['page']), section: text(raw['section']) })),
  component: later(() => import('./pages/docs.tsx'), 'DocsPage'),
})
const settings = createRoute({
  ...at('/settings'),
  validateSearch: tabOf,
  component: later(() => import('./pages/settings.tsx'), 'SettingsPage'),
})
const tenants = createRoute({
  ...at('/tenants'),
  component: later(() => import('./pages/tenants.tsx'), 'TenantsPage'),
})
const cells = createRoute({
  ...at('/cells'),
  component: later(() => import('./pages/cells.tsx'), 'CellsPage'),
})

const routeTree = root.addChildren([
  overview,
  live,
  deliveries,
  oneDelivery,
  failedAttempts,
  events,
  call,
  callsByNumber,
  found,
  endpoints,
  newEndpoint,
  oneEndpoint,
  deadLetters,
  bulkRetry,
  catalogue,
  tester,
  receiver,
  api,
  docs,
  settings,
  tenants,
  cells,
])

export const router = createRouter({
  routeTree,
  parseSearch,
  stringifySearch,
  defaultErrorComponent: PageFailed,
  scrollRestoration: false,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
