import { CircleAlert, CircleCheck, Info, X } from 'lucide-react'
import { createStore, useStore } from '../lib/store.ts'
import { Button, IconButton } from './button.tsx'

type Toast = {
  readonly id: number
  readonly tone: 'good' | 'bad' | 'info'
  readonly title: string
  /** What the toast offers to do, such as to undo what it tells. */
  readonly action?: { readonly label: string; run(): void }
}

const SHOWN_MS = 6_000
/** Somebody has to read it and to decide. */
const OFFERED_MS = 12_000
const toasts = createStore<readonly Toast[]>([])
let lastId = 0

/** Shows the outcome of an action. It disappears by itself; a failure stays until it is closed. Returns what closes it. */
export function toast(message: Omit<Toast, 'id'>): () => void {
  const id = ++lastId
  toasts.set([...toasts.get().slice(-3), { ...message, id }])
  if (message.tone !== 'bad') setTimeout(() => dismiss(id), message.action ? OFFERED_MS : SHOWN_MS)
  return () => dismiss(id)
}

function dismiss(id: number): void {
  toasts.set(toasts.get().filter((one) => one.id !== id))
}

const ICONS = {
  good: <CircleCheck size={16} className="mt-0.5 shrink-0 text-good" aria-hidden />,
  bad: <CircleAlert size={16} className="mt-0.5 shrink-0 text-bad" aria-hidden />,
  info: <Info size={16} className="mt-0.5 shrink-0 text-wait" aria-hidden />,
}

export function Toasts() {
  const all = useStore(toasts)
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed right-4 bottom-4 z-50 flex w-96 max-w-[calc(100vw-32px)] flex-col gap-2"
    >
      {all.map(({ id, tone, title, action }) => (
        <div
          key={id}
          className="pointer-events-auto flex items-start gap-2 rounded-lg border border-line bg-raised py-2 pr-1 pl-3 shadow-float"
        >
          {ICONS[tone]}
          <p className="min-w-0 flex-1 py-0.5 [overflow-wrap:anywhere]">{title}</p>
          {action && (
            <Button
              size="small"
              onClick={() => {
                dismiss(id)
                action.run()
              }}
            >
              {action.label}
            </Button>
          )}
          <IconButton size="small" label="Close" icon={<X size={14} />} onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  )
}
