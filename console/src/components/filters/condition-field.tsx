import { Link } from '@tanstack/react-router'
import { Field, TextArea } from '../../ui/field.tsx'

const MAX_LENGTH = 1_000

type ConditionFieldProps = {
  /** The typed text. Empty means no condition. */
  value: string
  onChange(value: string): void
  error?: string | null
}

/** The condition that an event must meet, besides its type. */
export function ConditionField({ value, onChange, error }: ConditionFieldProps) {
  return (
    <Field
      label="Condition"
      hint={
        <>
          A SQL/JSON path predicate over the envelope, such as{' '}
          <code className="font-mono">$.data.direction == "inbound"</code>. Empty: every event of these types.{' '}
          <Link
            target="_blank"
            to="/docs"
            search={{ page: 'docs/filters.md', section: 'condition' }}
            className="text-link underline"
          >
            What a condition can say
          </Link>
        </>
      }
      error={error}
    >
      {(control) => (
        <TextArea
          {...control}
          rows={3}
          maxLength={MAX_LENGTH}
          className="font-mono text-xs"
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  )
}
