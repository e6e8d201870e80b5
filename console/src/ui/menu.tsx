import { Menu as Base } from '@base-ui/react/menu'
import { Popover as BasePopover } from '@base-ui/react/popover'
import type { ReactElement, ReactNode } from 'react'
import { classes } from './classes.ts'

const POPUP = 'z-40 min-w-44 rounded-lg border border-line bg-raised p-1 shadow-float outline-none'

export type MenuItem = {
  label: ReactNode
  icon?: ReactNode
  isDangerous?: boolean
  isDisabled?: boolean
  onSelect(): void
}

/** A list of actions. `trigger` is the button that opens it. */
export function Menu({ trigger, items }: { trigger: ReactElement; items: readonly (MenuItem | 'line')[] }) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={4} align="end" className="z-40">
          <Base.Popup className={POPUP}>
            {items.map((item, index) =>
              item === 'line' ? (
                // biome-ignore lint/suspicious/noArrayIndexKey: separators have no other key
                <Base.Separator key={index} className="my-1 h-px bg-line" />
              ) : (
                <Base.Item
                  // biome-ignore lint/suspicious/noArrayIndexKey: the items of a menu keep their positions
                  key={index}
                  disabled={item.isDisabled}
                  onClick={item.onSelect}
                  className={classes(
                    'flex h-8 cursor-default items-center gap-2 rounded px-2 outline-none data-disabled:opacity-50 data-highlighted:bg-hover',
                    item.isDangerous && 'text-bad',
                  )}
                >
                  {item.icon}
                  {item.label}
                </Base.Item>
              ),
            )}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  )
}

/** A small box that opens beside a button. */
export function Popover({ trigger, children, label }: { trigger: ReactElement; children: ReactNode; label: string }) {
  return (
    <BasePopover.Root>
      <BasePopover.Trigger render={trigger} />
      <BasePopover.Portal>
        <BasePopover.Positioner sideOffset={4} align="start" className="z-40">
          <BasePopover.Popup aria-label={label} className={classes(POPUP, 'max-h-96 overflow-y-auto p-3!')}>
            {children}
          </BasePopover.Popup>
        </BasePopover.Positioner>
      </BasePopover.Portal>
    </BasePopover.Root>
  )
}
