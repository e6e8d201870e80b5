import { useBlocker } from '@tanstack/react-router'
import { ConfirmDialog } from '../../ui/dialog.tsx'

type LeaveGuardProps = {
  /** Whether something would be lost. */
  isActive: boolean
  title: string
  description: string
  /** The action of the button that leaves. */
  action: string
}

/** Asks before the page, its tab or the window is left while something would be lost. Opening a panel beside the page loses nothing. */
export function LeaveGuard({ isActive, title, description, action }: LeaveGuardProps) {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) =>
      isActive && (current.pathname !== next.pathname || tabOf(current.search) !== tabOf(next.search)),
    enableBeforeUnload: () => isActive,
    withResolver: true,
  })
  if (blocker.status !== 'blocked') return null
  return (
    <ConfirmDialog
      isOpen
      onClose={blocker.reset}
      title={title}
      description={description}
      action={action}
      isDangerous
      onConfirm={blocker.proceed}
    />
  )
}

function tabOf(search: unknown): unknown {
  return (search as { tab?: unknown }).tab
}
