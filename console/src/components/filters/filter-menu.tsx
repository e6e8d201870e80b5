import { ChevronDown, X } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { buttonClass } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { TextInput } from '../../ui/field.tsx'
import { Popover } from '../../ui/menu.tsx'

export type Choice = { readonly value: string; readonly label: ReactNode; readonly words?: string }

type FilterMenuProps = {
  label: string
  choices: readonly Choice[]
  chosen: readonly string[]
  onChange(chosen: string[]): void
}

const SEARCHED_FROM = 9

/** A filter with several values: a button that shows the chosen ones, and a list of checkboxes. */
export function FilterMenu({ label, choices, chosen, onChange }: FilterMenuProps) {
  const [text, setText] = useState('')
  const named = choices.find(({ value }) => value === chosen[0])
  const shown = choices.filter(({ value, words }) =>
    `${value} ${words ?? ''}`.toLowerCase().includes(text.toLowerCase()),
  )
  return (
    <span className="flex">
      <Popover
        label={label}
        trigger={
          <button
            type="button"
            className={classes(
              buttonClass('plain'),
              'max-w-64',
              chosen.length > 0 && 'rounded-r-none! border-accent! bg-selected!',
            )}
          >
            <span className="truncate">
              {label}
              {chosen.length > 0 && ': '}
              {chosen.length === 1 && (named?.label ?? chosen[0])}
              {chosen.length > 1 && chosen.length}
            </span>
            <ChevronDown size={14} aria-hidden />
          </button>
        }
      >
        {choices.length >= SEARCHED_FROM && (
          <TextInput
            aria-label={`Search in ${label}`}
            placeholder="Search"
            className="mb-2"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
        <ul className="flex min-w-52 flex-col gap-1.5">
          {shown.map(({ value, label: name }) => (
            <li key={value}>
              <label className="flex cursor-pointer items-center gap-2">
                <input
                  type="checkbox"
                  className="size-4 accent-(--accent)"
                  checked={chosen.includes(value)}
                  onChange={() =>
                    onChange(chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value])
                  }
                />
                {name}
              </label>
            </li>
          ))}
          {shown.length === 0 && <li className="text-ink-3">Nothing by that name</li>}
        </ul>
      </Popover>
      {chosen.length > 0 && <ClearButton label={label} onClick={() => onChange([])} />}
    </span>
  )
}

type TextFilterProps = { label: string; value: string; placeholder?: string; onChange(value: string): void }

/** A filter with one text, applied by Enter or by leaving the field. */
export function TextFilter({ label, value, placeholder, onChange }: TextFilterProps) {
  return (
    <span className="flex">
      <TextInput
        // Another value in the address replaces the text in the field.
        key={value}
        aria-label={label}
        placeholder={placeholder ?? label}
        defaultValue={value}
        className={classes('w-44!', value !== '' && 'rounded-r-none border-accent! bg-selected!')}
        onBlur={(event) => event.target.value.trim() !== value && onChange(event.target.value.trim())}
        onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
      />
      {value !== '' && <ClearButton label={label} onClick={() => onChange('')} />}
    </span>
  )
}

function ClearButton({ label, onClick }: { label: string; onClick(): void }) {
  return (
    <button
      type="button"
      aria-label={`Clear ${label}`}
      title={`Clear ${label}`}
      onClick={onClick}
      className="flex h-8 w-7 items-center justify-center rounded-r-md border border-l-0 border-accent bg-selected text-ink-2 hover:text-ink"
    >
      <X size={14} aria-hidden />
    </button>
  )
}
