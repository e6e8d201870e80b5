import type { ReactNode } from 'react'
import { classes } from './classes.ts'

export type Tone = 'good' | 'warn' | 'bad' | 'wait' | 'idle'

const TONES: Record<Tone, string> = {
  good: 'bg-good-bg text-good',
  warn: 'bg-warn-bg text-warn',
  bad: 'bg-bad-bg text-bad',
  wait: 'bg-wait-bg text-wait',
  idle: 'bg-idle-bg text-idle',
}

/** A state, always with an icon, a word and a colour. */
export function Badge({
  tone,
  icon,
  children,
  title,
}: {
  tone: Tone
  icon?: ReactNode
  children: ReactNode
  title?: string
}) {
  return (
    <span
      title={title}
      className={classes(
        'inline-flex h-5 items-center gap-1 whitespace-nowrap rounded px-1.5 text-xs font-medium',
        TONES[tone],
      )}
    >
      {icon}
      {children}
    </span>
  )
}
