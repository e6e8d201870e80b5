// The start of a test's data: the example of the catalogue, or data that a person saved in this browser under a name.

import { Save, Trash2 } from 'lucide-react'
import { useId, useState } from 'react'
import {
  forgetPayload,
  LONGEST_NAME,
  type SavedPayload,
  savePayload,
  useSavedPayloads,
} from '../../lib/saved-payloads.ts'
import { Button, IconButton } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Field, Select, TextInput } from '../../ui/field.tsx'
import { toast } from '../../ui/toast.tsx'

type ExampleProps = {
  tenantId: string
  eventType: string
  text: string
  /** Whether the text is the unchanged example of the catalogue. */
  isCatalogue: boolean
  /** Whether the text can be sent. Only such text can be saved. */
  isSendable: boolean
  onCatalogue(): void
  onSaved(payload: SavedPayload): void
}

const CATALOGUE = 'catalogue'
const CHANGED = 'changed'
const SAVED = 'saved:'

export function ExampleChoice({
  tenantId,
  eventType,
  text,
  isCatalogue,
  isSendable,
  onCatalogue,
  onSaved,
}: ExampleProps) {
  const saved = useSavedPayloads(tenantId)
  const [isNaming, setNaming] = useState(false)
  const shown = saved.find((payload) => payload.eventType === eventType && payload.text === text)
  const choose = (value: string) => {
    if (value === CATALOGUE) return onCatalogue()
    const payload = saved.find(({ name }) => SAVED + name === value)
    if (payload) onSaved(payload)
  }
  return (
    <div className="flex flex-wrap items-center gap-2">
      <span className="font-medium">Data</span>
      <Select
        aria-label="Example"
        className="max-w-72 min-w-0 flex-1"
        value={shown ? SAVED + shown.name : isCatalogue ? CATALOGUE : CHANGED}
        onChange={(event) => choose(event.target.value)}
      >
        {!shown && !isCatalogue && <option value={CHANGED}>Your own</option>}
        <option value={CATALOGUE}>The catalogue’s example</option>
        {saved.length > 0 && (
          <optgroup label="Saved in this browser">
            {saved.map(({ name, eventType: type }) => (
              <option key={name} value={SAVED + name}>
                {name}, {type}
              </option>
            ))}
          </optgroup>
        )}
      </Select>
      {shown && (
        <IconButton
          label={`Delete “${shown.name}”`}
          icon={<Trash2 size={14} />}
          onClick={() => {
            forgetPayload(tenantId, shown.name)
            toast({ tone: 'info', title: `“${shown.name}” is no longer kept in this browser.` })
          }}
        />
      )}
      <Button icon={<Save size={14} aria-hidden />} disabled={!isSendable} onClick={() => setNaming(true)}>
        Save as …
      </Button>
      {isNaming && (
        <SaveDialog
          tenantId={tenantId}
          eventType={eventType}
          text={text}
          saved={saved}
          onClose={() => setNaming(false)}
        />
      )}
    </div>
  )
}

type SaveProps = {
  tenantId: string
  eventType: string
  text: string
  saved: readonly SavedPayload[]
  onClose(): void
}

function SaveDialog({ tenantId, eventType, text, saved, onClose }: SaveProps) {
  const form = useId()
  const [typed, setTyped] = useState('')
  const [refusal, setRefusal] = useState<string | null>(null)
  const name = typed.trim()
  const isTaken = saved.some((payload) => payload.name === name)
  const save = () => {
    if (name === '') return
    const why = savePayload(tenantId, { name, eventType, text })
    setRefusal(why)
    if (why !== null) return
    toast({ tone: 'good', title: `Saved as “${name}”. It is among the examples from now on.` })
    onClose()
  }
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Save this payload"
      description={`For tests with ${eventType}. It is kept in this browser, for this tenant; everybody who uses this browser can read it.`}
      width="narrow"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" form={form} kind="primary" disabled={name === ''}>
            {isTaken ? 'Replace' : 'Save'}
          </Button>
        </>
      }
    >
      <form
        id={form}
        onSubmit={(event) => {
          event.preventDefault()
          // The form of the test contains this one.
          event.stopPropagation()
          save()
        }}
      >
        <Field label="Name" error={refusal} hint={isTaken ? 'There is one of this name; it is replaced.' : undefined}>
          {(control) => (
            <TextInput
              {...control}
              maxLength={LONGEST_NAME}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
          )}
        </Field>
      </form>
    </Dialog>
  )
}
