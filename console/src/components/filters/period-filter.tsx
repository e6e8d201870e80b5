import { CalendarRange, X } from 'lucide-react'
import { formatMoment, toIso, toLocal } from '../../lib/format.ts'
import { describeSince, SINCE_CHOICES, type Since } from '../../lib/period.ts'
import { Button, buttonClass } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { Field, TextInput } from '../../ui/field.tsx'
import { Popover } from '../../ui/menu.tsx'

type Period = { since?: Since | undefined; from?: string | undefined; to?: string | undefined }

/** A filter by time: a period that ends now, or two times in local time. */
export function PeriodFilter({ since, from, to, onChange }: Period & { onChange(period: Period): void }) {
  const isSet = since !== undefined || from !== undefined || to !== undefined
  const set = (period: Period) => onChange({ since: undefined, from: undefined, to: undefined, ...period })
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
            {since
              ? describeSince(since)
              : isSet
                ? `${from ? formatMoment(from) : '…'} – ${to ? formatMoment(to) : 'now'}`
                : 'Period'}
          </button>
        }
      >
        <div className="flex w-60 flex-col gap-3">
          <div className="grid grid-cols-2 gap-2">
            {SINCE_CHOICES.map(({ value, label }) => (
              <Button key={value} size="small" aria-pressed={value === since} onClick={() => set({ since: value })}>
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
                onChange={(event) => set({ from: toIso(event.target.value), to })}
              />
            )}
          </Field>
          <Field label="Until" hint={`In your time zone, ${zone}.`}>
            {(control) => (
              <TextInput
                {...control}
                type="datetime-local"
                value={toLocal(to)}
                onChange={(event) => set({ from, to: toIso(event.target.value) })}
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
          onClick={() => set({})}
          className="flex h-8 w-7 items-center justify-center rounded-r-md border border-l-0 border-accent bg-selected text-ink-2 hover:text-ink"
        >
          <X size={14} aria-hidden />
        </button>
      )}
    </span>
  )
}
