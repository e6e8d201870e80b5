import { Field, Select } from '../../ui/field.tsx'

const SPEEDS = [1, 5, 10, 50, 100, 500, 1_000]

type SpeedProps = {
  /** The number per second; null for no limit. */
  value: number | null
  onChange(value: number | null): void
  hint?: string
  error?: string | null
}

export function SpeedField({ value, onChange, hint, error }: SpeedProps) {
  const choices = value === null || SPEEDS.includes(value) ? SPEEDS : [...SPEEDS, value].sort((a, b) => a - b)
  return (
    <Field label="Speed" hint={hint} error={error}>
      {(control) => (
        <Select
          {...control}
          value={value ?? ''}
          onChange={(event) => onChange(event.target.value === '' ? null : Number(event.target.value))}
        >
          {choices.map((speed) => (
            <option key={speed} value={speed}>
              {speed} each second
            </option>
          ))}
          <option value="">As fast as it can</option>
        </Select>
      )}
    </Field>
  )
}
