import {
  Activity,
  ArrowLeftRight,
  BookOpen,
  Building2,
  CalendarClock,
  Code,
  FlaskConical,
  Inbox,
  Layers,
  LayoutDashboard,
  LibraryBig,
  Settings,
  Skull,
  Webhook,
} from 'lucide-react'
import { graphql, useApiQuery } from '../../api/client.ts'
import { useRights } from '../../session/session.ts'

/** The pages of everybody, in the order of the navigation. */
const PAGES = [
  { to: '/', label: 'Overview', icon: LayoutDashboard, keys: 'g o' },
  { to: '/live', label: 'Live', icon: Activity, keys: 'g l' },
  { to: '/deliveries', label: 'Deliveries', icon: ArrowLeftRight, keys: 'g d' },
  { to: '/events', label: 'Events', icon: CalendarClock, keys: 'g v' },
  { to: '/endpoints', label: 'Endpoints', icon: Webhook, keys: 'g e' },
  { to: '/dead-letters', label: 'Dead letters', icon: Skull, keys: 'g x' },
  { to: '/catalogue', label: 'Catalogue', icon: BookOpen, keys: 'g c' },
  { to: '/tester', label: 'Tester', icon: FlaskConical, keys: 'g t' },
  { to: '/receiver', label: 'Receiver', icon: Inbox, keys: 'g r' },
  { to: '/api', label: 'API', icon: Code, keys: 'g a' },
  { to: '/docs', label: 'Docs', icon: LibraryBig, keys: 'g h' },
  { to: '/settings', label: 'Settings', icon: Settings, keys: 'g s' },
] as const

const TENANTS = { to: '/tenants', label: 'Tenants', icon: Building2, keys: 'g n' } as const
const CELLS = { to: '/cells', label: 'Cells', icon: Layers, keys: 'g p' } as const

/** Names alone: nothing is asked of the cells for it. */
const CELL_NAMES = graphql(`
  query CellNames {
    cells {
      name
    }
  }
`)

/** The pages of the viewer. Operators have one of the cells where there are several. */
export function usePages() {
  const { isOperator } = useRights()
  const { data } = useApiQuery(CELL_NAMES, {}, { pause: !isOperator })
  if (!isOperator) return PAGES
  return data?.cells.length ? [...PAGES, TENANTS, CELLS] : [...PAGES, TENANTS]
}
