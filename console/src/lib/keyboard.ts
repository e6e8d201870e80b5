// Keyboard shortcuts of one key, or of two keys in a row ("g d"). They do nothing while a person types, and can be switched
// off. The help shows the registered shortcuts.

import { useEffect, useRef } from 'react'
import { createStore, useStore } from './store.ts'

export type Shortcut = {
  /** "r", "Escape", "g d", "?" */
  readonly keys: string
  readonly does: string
  readonly group: 'Go to' | 'Lists' | 'This delivery' | 'Everywhere' | 'This page'
}
type Registered = Shortcut & { readonly run: (event: KeyboardEvent) => void }

const OFF_KEY = 'sivo.shortcuts'
const SECOND_KEY_MS = 1_200

const registered: Registered[] = []
const shown = createStore<readonly Shortcut[]>([])
const enabled = createStore(localStorage.getItem(OFF_KEY) !== 'off')
let first: { key: string; at: number } | null = null

export function useShortcutsEnabled(): boolean {
  return useStore(enabled)
}

export function setShortcutsEnabled(isOn: boolean): void {
  if (isOn) localStorage.removeItem(OFF_KEY)
  else localStorage.setItem(OFF_KEY, 'off')
  enabled.set(isOn)
}

export function useShortcutList(): readonly Shortcut[] {
  return useStore(shown)
}

/** Registers a shortcut while the component is mounted. The last one registered has priority. null registers none. */
export function useShortcut(shortcut: Shortcut | null, run: (event: KeyboardEvent) => void): void {
  const latest = useRef(run)
  latest.current = run
  const { keys, does, group } = shortcut ?? {}
  useEffect(() => {
    if (!keys || !does || !group) return
    const entry: Registered = { keys, does, group, run: (event) => latest.current(event) }
    registered.push(entry)
    shown.set([...registered])
    return () => {
      registered.splice(registered.indexOf(entry), 1)
      shown.set([...registered])
    }
  }, [keys, does, group])
}

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
  const target = event.target as HTMLElement
  const isTyping =
    target.isContentEditable ||
    (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) &&
      !/^(checkbox|radio|button)$/.test((target as HTMLInputElement).type))
  if (isTyping) return
  // An open dialog or menu handles the keys.
  if (
    target.closest('[role="dialog"], [role="menu"], [role="listbox"], [role="alertdialog"]') &&
    !target.closest('[data-shortcuts]')
  )
    return
  const key = event.key === ' ' ? 'Space' : event.key
  // Controls handle these keys themselves.
  if (
    (key === 'Space' || key === 'Enter') &&
    target.closest('a, button, input, summary, [role="tab"], [role="button"]')
  )
    return
  if (key.length === 1 && !enabled.get()) return
  if (key === 'Space' && !enabled.get()) return
  const pair = first && event.timeStamp - first.at < SECOND_KEY_MS ? `${first.key} ${key}` : null
  first = null
  const match = registered.findLast(({ keys }) => keys === pair) ?? registered.findLast(({ keys }) => keys === key)
  if (match) {
    event.preventDefault()
    match.run(event)
  } else if (registered.some(({ keys }) => keys.startsWith(`${key} `))) first = { key, at: event.timeStamp }
})
