import {
  Activity,
  ArrowLeftRight,
  BookOpen,
  CalendarClock,
  Code,
  FlaskConical,
  Inbox,
  LayoutDashboard,
  LibraryBig,
  Settings,
  Skull,
  Webhook,
} from 'lucide-react'

/** The pages of everybody, in the order of the navigation. */
export const PAGES = [
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
