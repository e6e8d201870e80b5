import { CalendarRange, X } from 'lucide-react'
import { formatMoment, toIso, toLocal } from '../../lib/format.ts'
import { Button, buttonClass } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { Field, TextInput } from '../../ui/field.tsx'
import { Popover } from '../../ui/menu.tsx'

const HOUR = 3_600_000
const PRESETS = [
  ['Last 15 minutes', HOUR / 4],
  ['Last hour', HOUR],
  ['Last 24 hours', 24 * HOUR],
  ['Last 7 days', 168 * HOUR],
] as const

type Period = { from?: string | undefined; to?: string | undefined }

/** A filter by creation time, in local time. */
export function PeriodFilter({ from, to, onChange }: Period & { onChange(period: Period): void }) {
  const isSet = from !== undefined || to !== undefined
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  return (
    <span className="flex">
      <Popover
        label="Period"
        trigger={
          <button
            type="button"
            className={classes(buttonClass('plain'), isSet && 'rounded-r-none! border-accent! bg-selected!')}
          >
            <CalendarRange size={14} aria-hidden />
            {isSet ? `${from ? formatMoment(from) : '…'} – ${to ? formatMoment(to) : 'now'}` : 'Period'}
          </button>
        }
      >
        <div className="flex w-60 flex-col gap-3">
          <div className="grid grid-cols-2 gap-2">
            {PRESETS.map(([label, ms]) => (
              <Button
                key={label}
                size="small"
                onClick={() => onChange({ from: new Date(Date.now() - ms).toISOString(), to: undefined })}
              >
                {label}
              </Button>
            ))}
          </div>
          <Field label="From">
            {(control) => (
              <TextInput
                {...control}
                type="datetime-local"
                value={toLocal(from)}
                onChange={(event) => onChange({ from: toIso(event.target.value), to })}
              />
            )}
          </Field>
          <Field label="Until" hint={`In your time zone, ${zone}.`}>
            {(control) => (
              <TextInput
                {...control}
                type="datetime-local"
                value={toLocal(to)}
                onChange={(event) => onChange({ from, to: toIso(event.target.value) })}
              />
            )}
          </Field>
        </div>
      </Popover>
      {isSet && (
        <button
          type="button"
          aria-label="Clear period"
          title="Clear period"
          onClick={() => onChange({ from: undefined, to: undefined })}
          className="flex h-8 w-7 items-center justify-center rounded-r-md border border-l-0 border-accent bg-selected text-ink-2 hover:text-ink"
        >
          <X size={14} aria-hidden />
        </button>
      )}
    </span>
  )
}
