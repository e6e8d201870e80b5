// One box for pages, actions, endpoints, event types, ids and what is in events. "/" or Ctrl-K leads to it.

import { Search } from 'lucide-react'
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { useShortcut } from '../../lib/keyboard.ts'
import { classes } from '../../ui/classes.ts'
import { type Hit, useFound } from './find.ts'

export function SearchBox() {
  const input = useRef<HTMLInputElement>(null)
  const listId = useId()
  const [text, setText] = useState('')
  const [isOpen, setOpen] = useState(false)
  const [active, setActive] = useState(0)
  const { hits, note } = useFound(text.trim(), isOpen)
  useShortcut({ keys: '/', does: 'Search', group: 'Everywhere' }, () => input.current?.focus())
  useCommandKey(() => input.current?.select())

  const go = (hit: Hit | undefined) => {
    if (!hit) return
    hit.go()
    setText('')
    setOpen(false)
    input.current?.blur()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setActive((active + 1) % Math.max(1, hits.length))
    else if (event.key === 'ArrowUp') setActive((active + hits.length - 1) % Math.max(1, hits.length))
    else if (event.key === 'Enter') go(hits[active])
    else if (event.key === 'Escape') {
      setText('')
      input.current?.blur()
    } else return
    event.preventDefault()
  }
  const isShown = isOpen && hits.length > 0
  const noteIsShown = isOpen && note !== null
  return (
    <div className="relative w-full max-w-md">
      <Search size={14} className="pointer-events-none absolute top-2 left-2.5 text-ink-3" aria-hidden />
      <input
        ref={input}
        type="text"
        role="combobox"
        aria-label="Search"
        aria-expanded={isShown}
        aria-controls={listId}
        aria-activedescendant={isShown ? `${listId}-${active}` : undefined}
        aria-autocomplete="list"
        autoComplete="off"
        spellCheck={false}
        placeholder="Number, id, name, endpoint, page …"
        className="h-8 w-full rounded-md border border-line-strong bg-surface pr-16 pl-8 text-ellipsis max-sm:pr-3 placeholder:text-ink-3"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          setActive(0)
          setOpen(true)
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <kbd className="pointer-events-none max-sm:hidden absolute top-1.5 right-2 rounded border border-line px-1 font-mono text-xs text-ink-3">
        Ctrl K
      </kbd>
      <div
        id={listId}
        role="listbox"
        aria-label="Found"
        hidden={!isShown}
        className="absolute top-9 z-30 max-h-[70vh] w-full overflow-y-auto max-sm:fixed max-sm:inset-x-2 max-sm:top-12 max-sm:w-auto rounded-lg border border-line bg-raised p-1 shadow-float"
      >
        {hits.map((hit, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the focus and handles the keys
          <div
            key={hit.id}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => go(hit)}
            className={classes(
              'flex cursor-pointer items-baseline gap-3 rounded px-2 py-1.5',
              index === active && 'bg-hover',
            )}
          >
            <span className="min-w-0 flex-1 truncate">{hit.label}</span>
            {hit.detail && <span className="shrink-0 text-xs text-ink-3">{hit.detail}</span>}
          </div>
        ))}
      </div>
      <p
        role="status"
        className={classes(
          noteIsShown && !isShown
            ? 'absolute top-9 z-30 w-full max-sm:fixed max-sm:inset-x-2 max-sm:top-12 max-sm:w-auto rounded-lg border border-line bg-raised p-3 text-ink-2 shadow-float'
            : 'sr-only',
        )}
      >
        {noteIsShown ? note : ''}
      </p>
    </div>
  )
}

/** Ctrl-K or Cmd-K, also while a person types elsewhere. */
function useCommandKey(run: () => void): void {
  const latest = useRef(run)
  latest.current = run
  useEffect(() => {
    const onKeyDown = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return
      if (document.querySelector('[role="dialog"], [role="alertdialog"]')) return
      event.preventDefault()
      latest.current()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [])
}
