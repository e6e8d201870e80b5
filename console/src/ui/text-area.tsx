import type { TextareaHTMLAttributes } from 'react'
import { classes } from './classes.ts'

export function TextArea({ className, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return (
    <textarea
      spellCheck={false}
      className={classes(
        'w-full rounded-md border border-line-strong bg-surface px-2.5 py-1.5 text-ink placeholder:text-ink-3',
        className,
      )}
      {...rest}
    />
  )
}
