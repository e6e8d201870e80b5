// A search by an id of any type, a call, an HTTP status or an event type.

import { useNavigate } from '@tanstack/react-router'
import { Search } from 'lucide-react'
import { type KeyboardEvent, useId, useRef, useState } from 'react'
import { useShortcut } from '../../lib/keyboard.ts'
import { useOpenDelivery } from '../../lib/open-delivery.ts'
import { looksLikeNumber } from '../../lib/phone-number.ts'
import { classes } from '../../ui/classes.ts'

type Hit = { label: string; go(): void }

export function SearchBox() {
  const input = useRef<HTMLInputElement>(null)
  const listId = useId()
  const [text, setText] = useState('')
  const [isOpen, setOpen] = useState(false)
  const [active, setActive] = useState(0)
  const hits = useHits(text.trim())
  useShortcut({ keys: '/', does: 'Search', group: 'Everywhere' }, () => input.current?.focus())

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
        placeholder="Id, call, number, HTTP status or event type"
        className="h-8 w-full rounded-md border border-line-strong bg-surface pr-8 pl-8 placeholder:text-ink-3"
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
      <kbd className="pointer-events-none absolute top-1.5 right-2 rounded border border-line px-1 font-mono text-xs text-ink-3">
        /
      </kbd>
      <div
        id={listId}
        role="listbox"
        aria-label="Found"
        hidden={!isShown}
        className="absolute top-9 z-30 w-full rounded-lg border border-line bg-raised p-1 shadow-float"
      >
        {hits.map((hit, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the focus and handles the keys
          <div
            key={hit.label}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => go(hit)}
            className={classes('cursor-pointer truncate rounded px-2 py-1.5', index === active && 'bg-hover')}
          >
            {hit.label}
          </div>
        ))}
      </div>
    </div>
  )
}

function useHits(text: string): Hit[] {
  const navigate = useNavigate()
  const openDelivery = useOpenDelivery()
  if (text === '') return []
  const id = text.toLowerCase()
  if (/^dlv_/.test(id)) return [{ label: `Open the delivery ${id}`, go: () => openDelivery(id) }]
  if (/^evt_/.test(id))
    return [
      { label: `Open the event ${id}`, go: () => void navigate({ to: '/events', search: { event: id } }) },
      {
        label: `Deliveries of the event ${id}`,
        go: () => void navigate({ to: '/deliveries', search: { eventId: id } }),
      },
    ]
  if (/^ep_/.test(id))
    return [
      {
        label: `Open the endpoint ${id}`,
        go: () => void navigate({ to: '/endpoints/$endpointId', params: { endpointId: id } }),
      },
      {
        label: `Deliveries to the endpoint ${id}`,
        go: () => void navigate({ to: '/deliveries', search: { endpointIds: [id] } }),
      },
    ]
  const byNumber: Hit = {
    label: `Calls with the number ${text}`,
    go: () => void navigate({ to: '/calls', search: { number: text } }),
  }
  if (/^[1-5](\d\d|xx)$/i.test(text))
    return [
      {
        label: `Deliveries whose last answer was HTTP ${text}`,
        go: () => void navigate({ to: '/deliveries', search: { statusCodes: [text] } }),
      },
      {
        label: `Dead letters with HTTP ${text}`,
        go: () => void navigate({ to: '/dead-letters', search: { statusCodes: [text] } }),
      },
      byNumber,
    ]
  const bySubject: Hit = {
    label: `The call (or subject) ${text}`,
    go: () => void navigate({ to: '/call', search: { subject: text } }),
  }
  if (/^[a-z_]+\.[a-z_.]+$/.test(text))
    return [
      {
        label: `Deliveries of the type ${text}`,
        go: () => void navigate({ to: '/deliveries', search: { eventTypes: [text] } }),
      },
      {
        label: `Events of the type ${text}`,
        go: () => void navigate({ to: '/events', search: { eventTypes: [text] } }),
      },
      { label: `${text} in the catalogue`, go: () => void navigate({ to: '/catalogue', search: { type: text } }) },
    ]
  return looksLikeNumber(text) ? [byNumber, bySubject] : [bySubject]
}
