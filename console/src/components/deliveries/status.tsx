import {
  Ban,
  CircleCheck,
  CirclePause,
  CircleSlash,
  CircleX,
  Clock,
  FlaskConical,
  Hourglass,
  OctagonAlert,
  RotateCw,
  Skull,
} from 'lucide-react'
import type { DeliveryStatus, EndpointStatus } from '../../gql/graphql.ts'
import { formatClock, formatMoment } from '../../lib/format.ts'
import { ENDPOINT_STATUS_WORDS, STATUS_WORDS } from '../../lib/words.ts'
import { Badge, type Tone } from '../../ui/badge.tsx'
import { useNow } from '../../ui/time.tsx'

const DELIVERY_ICONS: Record<DeliveryStatus, typeof Ban> = {
  PENDING: Clock,
  HELD: CirclePause,
  SUCCEEDED: CircleCheck,
  FAILED: CircleX,
  DEAD_LETTERED: Skull,
  CANCELLED: Ban,
}
const DELIVERY_TONES: Record<DeliveryStatus, Tone> = {
  PENDING: 'wait',
  HELD: 'idle',
  SUCCEEDED: 'good',
  FAILED: 'bad',
  DEAD_LETTERED: 'bad',
  CANCELLED: 'idle',
}

/** `attemptCount` distinguishes a first attempt from a retry that waits. */
export function DeliveryStatusBadge({ status, attemptCount = 0 }: { status: DeliveryStatus; attemptCount?: number }) {
  const isRetrying = status === 'PENDING' && attemptCount > 0
  const Icon = isRetrying ? RotateCw : (DELIVERY_ICONS[status] ?? Clock)
  return (
    <Badge tone={isRetrying ? 'warn' : (DELIVERY_TONES[status] ?? 'idle')} icon={<Icon size={12} aria-hidden />}>
      {isRetrying ? 'Retrying' : (STATUS_WORDS[status] ?? status)}
    </Badge>
  )
}

const ENDPOINT_ICONS = { ACTIVE: CircleCheck, PAUSED: CirclePause, DISABLED: CircleSlash }
const ENDPOINT_TONES: Record<EndpointStatus, Tone> = { ACTIVE: 'good', PAUSED: 'idle', DISABLED: 'bad' }

type EndpointStatusBadgeProps = {
  status: EndpointStatus
  /** The receiver of an active endpoint asked for a pause until then; shown while it lasts. */
  asksToWaitUntil?: string | null
  /** Since when every attempt of an active endpoint fails. */
  failingSince?: string | null
  isNarrow?: boolean
}

export function EndpointStatusBadge({
  status,
  asksToWaitUntil,
  failingSince,
  isNarrow = false,
}: EndpointStatusBadgeProps) {
  const Icon = ENDPOINT_ICONS[status] ?? Clock
  const isActive = status === 'ACTIVE'
  return (
    <span className="inline-flex flex-wrap items-center gap-1">
      {isActive && failingSince ? (
        <Badge
          tone="bad"
          icon={<OctagonAlert size={12} aria-hidden />}
          title={`Every attempt has failed since ${formatMoment(failingSince)}`}
        >
          {isNarrow ? 'Failing' : `Failing since ${formatClock(failingSince)}`}
        </Badge>
      ) : (
        <Badge tone={ENDPOINT_TONES[status] ?? 'idle'} icon={<Icon size={12} aria-hidden />}>
          {ENDPOINT_STATUS_WORDS[status] ?? status}
        </Badge>
      )}
      {isActive && asksToWaitUntil && <AsksToWait until={asksToWaitUntil} isNarrow={isNarrow} />}
    </span>
  )
}

function AsksToWait({ until, isNarrow }: { until: string; isNarrow: boolean }) {
  if (useNow() >= Date.parse(until)) return null
  const words = `asks to wait until ${formatMoment(until)}`
  return (
    <Badge
      tone="wait"
      icon={<Hourglass size={12} aria-hidden />}
      title={`The receiver ${words}, by Retry-After. Its deliveries wait until then, and use up no retry.`}
    >
      {isNarrow ? `until ${formatMoment(until)}` : words}
    </Badge>
  )
}

export function TestBadge() {
  return (
    <Badge tone="idle" icon={<FlaskConical size={12} aria-hidden />}>
      Test
    </Badge>
  )
}
