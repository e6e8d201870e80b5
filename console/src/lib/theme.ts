// The theme: light, dark, or that of the system. public/theme.js sets it before the page is painted.

import { createStore, useStore } from './store.ts'

export type ThemeChoice = 'system' | 'light' | 'dark'

const KEY = 'sivo.theme'
const system = matchMedia('(prefers-color-scheme: dark)')

const choice = createStore<ThemeChoice>(readChoice())
const shown = createStore<'light' | 'dark'>(resolve(choice.get()))

system.addEventListener('change', () => apply(choice.get()))

export function setTheme(next: ThemeChoice): void {
  if (next === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, next)
  choice.set(next)
  apply(next)
}

export function useThemeChoice(): ThemeChoice {
  return useStore(choice)
}

/** The theme that is shown now. Charts redraw when it changes. */
export function useShownTheme(): 'light' | 'dark' {
  return useStore(shown)
}

function apply(next: ThemeChoice): void {
  const theme = resolve(next)
  document.documentElement.dataset['theme'] = theme
  shown.set(theme)
}

function resolve(next: ThemeChoice): 'light' | 'dark' {
  if (next !== 'system') return next
  return system.matches ? 'dark' : 'light'
}

function readChoice(): ThemeChoice {
  const stored = localStorage.getItem(KEY)
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}
