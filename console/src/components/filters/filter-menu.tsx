import { ChevronDown, X } from 'lucide-react'
import { type ReactNode, useId, useState } from 'react'
import { HTTP_CODES_EXPECTED, readHttpCodes } from '../../lib/http-codes.ts'
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

type TextFilterProps = {
  label: string
  value: string
  placeholder?: string
  onChange(value: string): void
  /** Says what is wrong with a text; null if nothing is. A wrong text is not applied. */
  validate?: (value: string) => string | null
}

/** A filter with one text, applied by Enter or by leaving the field. */
export function TextFilter({ label, value, placeholder, onChange, validate }: TextFilterProps) {
  const [error, setError] = useState<string | null>(null)
  const errorId = useId()
  const apply = (text: string) => {
    const wrong = text === '' ? null : (validate?.(text) ?? null)
    setError(wrong)
    if (!wrong && text !== value) onChange(text)
  }
  return (
    <span className="relative flex">
      <TextInput
        // Another value in the address replaces the text in the field.
        key={value}
        aria-label={label}
        aria-invalid={error !== null || undefined}
        aria-describedby={error ? errorId : undefined}
        placeholder={placeholder ?? label}
        defaultValue={value}
        className={classes('w-44!', value !== '' && 'rounded-r-none border-accent! bg-selected!')}
        onInput={() => setError(null)}
        onBlur={(event) => apply(event.target.value.trim())}
        onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
      />
      {value !== '' && <ClearButton label={label} onClick={() => onChange('')} />}
      {error && (
        <span
          id={errorId}
          role="alert"
          className="absolute top-9 left-0 z-20 w-60 rounded-md border border-line bg-raised px-2 py-1 text-xs text-bad shadow-float"
        >
          {error}
        </span>
      )}
    </span>
  )
}

type HttpFilterProps = { codes: readonly string[] | undefined; onChange(codes: string[]): void }

/** A filter by HTTP status codes, as people write them. */
export function HttpFilter({ codes, onChange }: HttpFilterProps) {
  return (
    <TextFilter
      label="HTTP status"
      placeholder="HTTP, e.g. 503 or 5xx"
      value={codes?.join(', ') ?? ''}
      validate={(text) => (readHttpCodes(text) ? null : HTTP_CODES_EXPECTED)}
      onChange={(text) => onChange(readHttpCodes(text) ?? [])}
    />
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
