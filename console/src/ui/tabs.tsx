import { Tabs as Base } from '@base-ui/react/tabs'
import type { ReactNode } from 'react'
import { classes } from './classes.ts'

export type Tab<Value extends string> = { value: Value; label: ReactNode; content: ReactNode }

type TabsProps<Value extends string> = {
  tabs: readonly Tab<Value>[]
  value: Value
  onChange(value: Value): void
  label: string
  /** The padding of the surrounding box. The names of the tabs align with it. */
  inset?: 'page' | 'panel' | 'none'
}

const INSETS = { page: 'px-4', panel: 'px-2', none: '-ml-2' }

/** Arrow keys move between tabs. The content of a tab is rendered when it is shown. */
export function Tabs<Value extends string>({ tabs, value, onChange, label, inset = 'page' }: TabsProps<Value>) {
  return (
    <Base.Root value={value} onValueChange={(next) => onChange(next as Value)} className="flex min-h-0 flex-1 flex-col">
      <Base.List
        aria-label={label}
        className={classes('flex shrink-0 gap-1 overflow-x-auto border-b border-line', INSETS[inset])}
      >
        {tabs.map((tab) => (
          <Base.Tab
            key={tab.value}
            value={tab.value}
            className="-mb-px flex h-9 items-center gap-1.5 whitespace-nowrap border-b-2 border-transparent px-2 font-medium text-ink-2 hover:text-ink data-active:border-accent data-active:text-ink"
          >
            {tab.label}
          </Base.Tab>
        ))}
      </Base.List>
      {tabs.map((tab) => (
        <Base.Panel key={tab.value} value={tab.value} className="min-h-0 flex-1 overflow-y-auto outline-offset-[-2px]">
          {tab.value === value && tab.content}
        </Base.Panel>
      ))}
    </Base.Root>
  )
}
