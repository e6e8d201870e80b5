import { KeyRound } from 'lucide-react'
import { useState } from 'react'
import { CopyButton } from '../../ui/copy-button.tsx'
import { LeaveGuard } from '../shell/leave-guard.tsx'

/** A secret, shown the only time that it can be read. `what` is "signing secret" or "API key". */
export function SecretOnce({ secret, what, children }: { secret: string; what: string; children?: React.ReactNode }) {
  const [isCopied, setCopied] = useState(false)
  return (
    <div className="flex flex-col gap-2 rounded-lg border border-line bg-warn-bg p-4">
      <LeaveGuard
        isActive={!isCopied}
        title={`Leave without the ${what}?`}
        description={`The ${what} was not copied here, and it is never shown again.`}
        action="Leave without it"
      />
      <p className="flex items-center gap-2 font-semibold text-warn">
        <KeyRound size={16} className="shrink-0" aria-hidden />
        This {what} is shown once, now. Store it before you go on.
      </p>
      <div
        className="flex items-center gap-2 rounded-md border border-line bg-surface py-1 pr-1 pl-3"
        onCopy={() => setCopied(true)}
      >
        <code className="min-w-0 flex-1 font-mono text-xs [overflow-wrap:anywhere] select-all">{secret}</code>
        <CopyButton text={secret} onCopied={() => setCopied(true)} label={`Copy the ${what}`}>
          Copy
        </CopyButton>
      </div>
      {children && <div className="text-ink-2">{children}</div>}
    </div>
  )
}
