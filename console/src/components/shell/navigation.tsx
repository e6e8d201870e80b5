// The pages of the console: a bar beside every page, and on a phone a menu.

import { Link, useNavigate } from '@tanstack/react-router'
import { type Activity, Menu as MenuIcon } from 'lucide-react'
import { useState } from 'react'
import { useShortcut } from '../../lib/keyboard.ts'
import { IconButton } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { usePages } from './pages.ts'

type NavigationProps = {
  /** The number of dead letters to look at; null for none. */
  deadLetters: string | null
}

const countOf = (to: string, { deadLetters }: NavigationProps) => (to === '/dead-letters' ? deadLetters : null)

/** The bar with the pages. `isSlim` leaves their names to wide windows, because a panel needs the space. */
export function NavigationBar({ isSlim, ...counts }: NavigationProps & { isSlim: boolean }) {
  const pages = usePages()
  return (
    <nav
      aria-label="Pages"
      className={classes(
        'flex w-14 shrink-0 flex-col border-r border-line bg-surface max-sm:hidden',
        isSlim ? 'xl:w-48' : 'lg:w-48',
      )}
    >
      <Link to="/" className="flex h-12 items-center gap-2.5 px-4 font-semibold">
        <img src="/favicon.svg" alt="" className="size-6" />
        <span className={classes('sr-only', isSlim ? 'xl:not-sr-only' : 'lg:not-sr-only')}>SIVO Webhooks</span>
      </Link>
      <ul className="flex min-h-0 flex-1 flex-col gap-0.5 overflow-y-auto px-2 py-2">
        {pages.map((page) => (
          <BarLink key={page.to} {...page} count={countOf(page.to, counts)} isSlim={isSlim} />
        ))}
      </ul>
    </nav>
  )
}

/** On a phone, a button that opens the pages. */
export function NavigationMenu(counts: NavigationProps) {
  const [isOpen, setOpen] = useState(false)
  const pages = usePages()
  return (
    <span className="sm:hidden">
      <IconButton label="Pages" icon={<MenuIcon size={18} />} onClick={() => setOpen(true)} />
      <Dialog isOpen={isOpen} onClose={() => setOpen(false)} title="Pages">
        <ul className="flex flex-col pb-4">
          {pages.map(({ to, label, icon: Icon }) => (
            <li key={to}>
              <Link
                to={to}
                activeOptions={{ exact: to === '/', includeSearch: false }}
                className="flex h-11 items-center gap-3 rounded-md px-2 text-base text-ink-2"
                activeProps={{ className: 'bg-selected! text-ink! font-medium' }}
                onClick={() => setOpen(false)}
              >
                <Icon size={18} aria-hidden />
                <span className="flex-1">{label}</span>
                <Count count={countOf(to, counts)} />
              </Link>
            </li>
          ))}
        </ul>
      </Dialog>
    </span>
  )
}

type BarLinkProps = {
  to: string
  label: string
  icon: typeof Activity
  keys: string
  count: string | null
  isSlim: boolean
}

function BarLink({ to, label, icon: Icon, keys, count, isSlim }: BarLinkProps) {
  const navigate = useNavigate()
  useShortcut({ keys, does: label, group: 'Go to' }, () => void navigate({ to }))
  return (
    <li>
      <Link
        to={to}
        activeOptions={{ exact: to === '/', includeSearch: false }}
        title={label}
        className={classes(
          'flex h-8 items-center gap-2.5 rounded-md px-2 text-ink-2 hover:bg-hover hover:text-ink',
          isSlim ? 'max-xl:justify-center' : 'max-lg:justify-center',
        )}
        activeProps={{ className: 'bg-selected! text-ink! font-medium' }}
      >
        <Icon size={16} className="shrink-0" aria-hidden />
        <span className={classes('flex-1', isSlim ? 'max-xl:sr-only' : 'max-lg:sr-only')}>{label}</span>
        <span className={isSlim ? 'max-xl:hidden' : 'max-lg:hidden'}>
          <Count count={count} />
        </span>
      </Link>
    </li>
  )
}

function Count({ count }: { count: string | null }) {
  if (count === null) return null
  return <span className="rounded bg-bad-bg px-1.5 text-xs font-medium text-bad tabular-nums">{count}</span>
}
