// The fields of an endpoint, in parts that the forms to create and to change one share.

import { Plus, Trash2 } from 'lucide-react'
import { issueAt, type Refusal } from '../../lib/actions.ts'
import { type EndpointDraft, type HeaderDraft, validateNumber } from '../../lib/endpoint-draft.ts'
import { Button, IconButton } from '../../ui/button.tsx'
import { Checkbox, Field, TextInput } from '../../ui/field.tsx'

type FieldsProps = {
  draft: EndpointDraft
  onChange(change: Partial<EndpointDraft>): void
  refusal: Refusal | null
}

export function AddressFields({ draft, onChange, refusal }: FieldsProps) {
  return (
    <div className="flex flex-col gap-4">
      <Field label="Name" hint="What people call it: CRM, BI, Slack." error={issueAt(refusal, 'name')}>
        {(control) => (
          <TextInput
            {...control}
            required
            maxLength={200}
            value={draft.name}
            onChange={(event) => onChange({ name: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="URL"
        hint="HTTPS with a host name. Every event is a POST to exactly this address; redirects are not followed."
        error={issueAt(refusal, 'url') ?? validateUrl(draft.url)}
      >
        {(control) => (
          <TextInput
            {...control}
            required
            inputMode="url"
            placeholder="https://example.com/hooks/sivo"
            className="font-mono"
            value={draft.url}
            onChange={(event) => onChange({ url: event.target.value })}
          />
        )}
      </Field>
    </div>
  )
}

export function LimitFields({ draft, onChange, refusal }: FieldsProps) {
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      <Field
        label="Max concurrent requests"
        hint="1 to 1,000 requests at once. Empty: 20 per worker process."
        error={validateNumber(draft.maxInFlight) ?? issueAt(refusal, 'maxInFlight')}
      >
        {(control) => (
          <TextInput
            {...control}
            inputMode="numeric"
            value={draft.maxInFlight}
            onChange={(event) => onChange({ maxInFlight: event.target.value })}
          />
        )}
      </Field>
      <Field
        label="At most per second"
        hint="1 to 10,000 requests. Empty: no limit."
        error={validateNumber(draft.rateLimitPerSecond) ?? issueAt(refusal, 'rateLimitPerSecond')}
      >
        {(control) => (
          <TextInput
            {...control}
            inputMode="numeric"
            value={draft.rateLimitPerSecond}
            onChange={(event) => onChange({ rateLimitPerSecond: event.target.value })}
          />
        )}
      </Field>
    </div>
  )
}

export function OrderField({ draft, onChange }: Pick<FieldsProps, 'draft' | 'onChange'>) {
  return (
    <Checkbox
      label="Keep the order of each subject"
      hint="The deliveries of one call go one at a time, by sequence. One that fails holds those of its call for ten minutes at most, and no others."
      checked={draft.ordering === 'SUBJECT'}
      onChange={(event) => onChange({ ordering: event.target.checked ? 'SUBJECT' : 'NONE' })}
    />
  )
}

const MOST_HEADERS = 20

export function HeaderFields({ draft, onChange, refusal }: FieldsProps) {
  const { headers } = draft
  const put = (index: number, change: Partial<HeaderDraft>) =>
    onChange({ headers: headers.map((header, at) => (at === index ? { ...header, ...change } : header)) })
  const add = () =>
    onChange({
      headers: [
        ...headers,
        { key: Math.max(-1, ...headers.map(({ key }) => key)) + 1, name: '', value: '', hint: null },
      ],
    })
  return (
    <div className="flex flex-col gap-3">
      <div>
        <h3 className="font-medium">Custom headers</h3>
        <p className="text-xs text-ink-3">
          Sent with every request, such as a key that your server asks for. Values are stored encrypted and never shown
          again.
        </p>
      </div>
      {headers.map(({ key, name, value, hint }, index) => (
        <div key={key} className="flex items-start gap-2">
          <div className="grid min-w-0 flex-1 grid-cols-[2fr_3fr] gap-2">
            <Field label="Header" error={issueAt(refusal, `headers.${index}.name`)}>
              {(control) => (
                <TextInput
                  {...control}
                  className="font-mono"
                  placeholder="X-Api-Key"
                  readOnly={value === null}
                  value={name}
                  onChange={(event) => put(index, { name: event.target.value })}
                />
              )}
            </Field>
            <Field label="Value" error={issueAt(refusal, `headers.${index}.value`)}>
              {(control) =>
                value === null ? (
                  <div className="flex h-8 items-center gap-2">
                    <span className="font-mono text-ink-2">{hint}</span>
                    <Button size="small" onClick={() => put(index, { value: '' })}>
                      Replace
                    </Button>
                  </div>
                ) : (
                  <TextInput
                    {...control}
                    className="font-mono"
                    value={value}
                    onChange={(event) => put(index, { value: event.target.value })}
                  />
                )
              }
            </Field>
          </div>
          <IconButton
            className="mt-6"
            label={`Remove the header ${name}`}
            icon={<Trash2 size={14} />}
            onClick={() => onChange({ headers: headers.filter((_, at) => at !== index) })}
          />
        </div>
      ))}
      {headers.length < MOST_HEADERS && (
        <Button icon={<Plus size={14} aria-hidden />} onClick={add} className="self-start">
          Add a header
        </Button>
      )}
    </div>
  )
}

/** The hints while a person types, before the gateway checks the value. */
function validateUrl(url: string): string | null {
  return /^http:/i.test(url.trim()) ? 'Only https:// is delivered to.' : null
}
