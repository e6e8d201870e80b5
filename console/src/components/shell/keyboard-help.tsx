import { type Shortcut, setShortcutsEnabled, useShortcutList, useShortcutsEnabled } from '../../lib/keyboard.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Checkbox } from '../../ui/field.tsx'

const GROUPS: readonly Shortcut['group'][] = ['Everywhere', 'Go to', 'Lists', 'This delivery', 'This page']

export function KeyboardHelp({ isOpen, onClose }: { isOpen: boolean; onClose(): void }) {
  const all = useShortcutList()
  const isOn = useShortcutsEnabled()
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title="Keyboard" description="What works on this page.">
      <div className="grid gap-x-8 gap-y-4 pb-4 sm:grid-cols-2">
        {GROUPS.map((group) => {
          const some = [...new Map(all.filter((one) => one.group === group).map((one) => [one.keys, one])).values()]
          if (some.length === 0) return null
          return (
            <section key={group}>
              <h3 className="mb-1 font-semibold">{group}</h3>
              <ul>
                {some.map(({ keys, does }) => (
                  <li key={keys} className="flex items-center justify-between gap-4 py-0.5">
                    {does}
                    <span className="flex gap-1">
                      {keys.split(' ').map((key) => (
                        <kbd key={key} className="rounded border border-line bg-sunken px-1.5 font-mono text-xs">
                          {key === 'Escape' ? 'Esc' : key}
                        </kbd>
                      ))}
                    </span>
                  </li>
                ))}
              </ul>
            </section>
          )
        })}
      </div>
      <div className="border-t border-line py-4">
        <Checkbox
          label="Shortcuts of single keys"
          hint="Switch them off when speech input or a reader uses the same keys. Esc and Enter keep working."
          checked={isOn}
          onChange={(event) => setShortcutsEnabled(event.target.checked)}
        />
      </div>
    </Dialog>
  )
}
