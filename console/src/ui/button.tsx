import { LoaderCircle } from 'lucide-react'
import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react'
import { classes } from './classes.ts'

type Kind = 'primary' | 'plain' | 'quiet' | 'danger'

const KINDS: Record<Kind, string> = {
  primary: 'bg-accent text-accent-ink hover:bg-accent-hover border-transparent',
  plain: 'bg-surface text-ink border-line hover:bg-hover',
  quiet: 'bg-transparent text-ink-2 border-transparent hover:bg-hover hover:text-ink',
  danger: 'bg-surface text-bad border-line hover:bg-bad-bg',
}

export type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  kind?: Kind
  size?: 'small' | 'normal'
  icon?: ReactNode
  /** Whether its action is running. The button stays in place and cannot be pressed again. */
  isBusy?: boolean
  ref?: Ref<HTMLButtonElement>
}

export function buttonClass(kind: Kind = 'plain', size: 'small' | 'normal' = 'normal'): string {
  return classes(
    'inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md border font-medium',
    'disabled:cursor-not-allowed disabled:opacity-55',
    size === 'small' ? 'h-7 px-2 text-xs' : 'h-8 px-3',
    KINDS[kind],
  )
}

export function Button({ kind, size, icon, isBusy = false, children, className, disabled, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={classes(buttonClass(kind, size), className)}
      disabled={disabled || isBusy}
      aria-busy={isBusy || undefined}
      {...rest}
    >
      {isBusy ? <LoaderCircle size={14} className="animate-spin" aria-hidden /> : icon}
      {children}
    </button>
  )
}

type IconButtonProps = Omit<ButtonProps, 'children' | 'icon'> & { label: string; icon: ReactNode }

export function IconButton({ label, icon, kind = 'quiet', size, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={classes(buttonClass(kind, size), size === 'small' ? 'w-7 px-0!' : 'w-8 px-0!', className)}
      {...rest}
    >
      {icon}
    </button>
  )
}
