import { CirclePause, LoaderCircle, Radio, RefreshCw, Unplug, WifiOff } from 'lucide-react'
import { type ConnectionState, useConnection } from '../../api/streams.ts'
import { useChosenTenant } from '../../session/tenant.ts'
import { classes } from '../../ui/classes.ts'

const WORDS: Record<ConnectionState, string> = {
  idle: 'Not connected',
  connecting: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  polling: 'Polling every 5 s',
  paused: 'Paused',
}
const EXPLAINED: Record<ConnectionState, string> = {
  idle: 'Nothing is pushed to this page.',
  connecting: 'Opening the connection.',
  live: 'Changes are pushed as they happen.',
  reconnecting: 'The connection was lost and is being opened again. What happens meanwhile is caught up with.',
  polling: 'No connection stays open here, so the lists are read again every five seconds.',
  paused: 'What comes in waits until you resume.',
}
const ICONS = {
  idle: Unplug,
  connecting: LoaderCircle,
  live: Radio,
  reconnecting: WifiOff,
  polling: RefreshCw,
  paused: CirclePause,
}
const COLOURS: Record<ConnectionState, string> = {
  idle: 'text-ink-3',
  connecting: 'text-ink-3',
  live: 'text-good',
  reconnecting: 'text-bad',
  polling: 'text-warn',
  paused: 'text-wait',
}

/** How current the page is, in words. */
export function ConnectionLight() {
  const { state, over } = useConnection()
  const tenantId = useChosenTenant()
  const Icon = ICONS[state]
  const how =
    state === 'live' && over === 'events'
      ? ' Over server-sent events: websockets do not get through here.'
      : state === 'idle' && tenantId === null
        ? ' Choose a tenant, and its changes are.'
        : ''
  return (
    <span
      role="status"
      title={EXPLAINED[state] + how}
      className={classes('flex items-center gap-1.5 text-xs font-medium', COLOURS[state])}
    >
      <Icon size={14} aria-hidden />
      <span className="max-sm:sr-only">{WORDS[state]}</span>
    </span>
  )
}
