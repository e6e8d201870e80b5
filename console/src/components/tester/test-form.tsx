// The form for a test event: the event type, and its data, which begins with an example.

import { Send } from 'lucide-react'
import { useEffect, useState } from 'react'
import { asCommand, asSentTest, SEND_TEST, type SentTest } from '../../api/send-test.ts'
import type { TestSignature } from '../../gql/graphql.ts'
import { placedSentencesOf, useAction } from '../../lib/actions.ts'
import { later } from '../../lib/later.tsx'
import { keepTyped, typedPayload } from '../../lib/typed-payloads.ts'
import { Button } from '../../ui/button.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { Field, Select } from '../../ui/field.tsx'
import { Skeleton } from '../../ui/states.tsx'
import { groupsOf, titleOf } from '../endpoints/event-type-picker.tsx'
import { type CatalogueType, exampleOf, schemaOf } from '../events/catalogue.ts'
import { ExampleChoice } from './example-choice.tsx'

const JsonEditor = later(() => import('./json-editor.tsx'), 'JsonEditor', <Skeleton className="h-96" />)

type FormProps = {
  types: readonly CatalogueType[]
  tenantId: string
  endpointId: string | null
  /** The event type that is chosen at first, and again whenever this value changes. */
  eventType?: string | undefined
  onSent(test: SentTest): void
  /** Called with the test that is about to be sent, for forms that use it further. */
  onTypeChange?: (type: string) => void
  editorClass?: string
  /** Allows sending the test several times, and copying it as a command. */
  isFull?: boolean
}

const TIMES = [1, 2, 5, 10, 25]
const SIGNATURES: readonly [TestSignature, string][] = [
  ['VALID', 'with the right signature'],
  ['WRONG', 'with a wrong signature'],
  ['OLD', 'as a replay, an hour old'],
]

export function TestForm({
  types,
  tenantId,
  endpointId,
  eventType,
  onSent,
  onTypeChange,
  editorClass,
  isFull = false,
}: FormProps) {
  const [name, setName] = useState(eventType ?? 'call.ended')
  const type = types.find((one) => one.name === name) ?? types[0]!
  const [text, setText] = useState(() => typedPayload(tenantId, type.name) ?? exampleText(type))
  const [times, setTimes] = useState(1)
  const [signature, setSignature] = useState<TestSignature>('VALID')
  const action = useAction(SEND_TEST, (data) => data.sendTestEvent, { showsRefusal: true })

  const write = (of: CatalogueType, next: string) => {
    setText(next)
    keepTyped(tenantId, of.name, next === exampleText(of) ? null : next)
  }
  const choose = (next: string, textOfType?: string) => {
    const chosen = types.find((one) => one.name === next)
    if (!chosen) return
    setName(next)
    if (textOfType === undefined) setText(typedPayload(tenantId, next) ?? exampleText(chosen))
    else write(chosen, textOfType)
    action.forget()
    onTypeChange?.(next)
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new type from outside changes the choice
  useEffect(() => {
    if (eventType && eventType !== name) choose(eventType)
  }, [eventType])

  const data = parsed(text)
  const isExample = text === exampleText(type)
  // The example is sent whole, with its subject and its position in the call.
  const input = {
    endpointId: endpointId ?? '',
    eventType: name,
    ...(isExample ? {} : { data }),
    ...(signature === 'VALID' ? {} : { signature }),
  }
  const send = async () => {
    if (!endpointId || data === undefined) return
    for (let sent = 0; sent < times; sent++) {
      const done = await action.run({ input })
      if (!done) return
      onSent(asSentTest(done, signature))
    }
  }
  return (
    <form
      className="flex min-h-0 flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <Field label="Type" hint={type.description}>
        {(control) => (
          <Select {...control} className="font-mono" value={name} onChange={(event) => choose(event.target.value)}>
            {groupsOf(types).map(([group, members]) => (
              <optgroup key={group} label={titleOf(group)}>
                {members.map((one) => (
                  <option key={one.name}>{one.name}</option>
                ))}
              </optgroup>
            ))}
          </Select>
        )}
      </Field>
      <div className="flex min-h-0 flex-1 flex-col gap-1">
        <ExampleChoice
          tenantId={tenantId}
          eventType={name}
          text={text}
          isCatalogue={isExample}
          isSendable={data !== undefined}
          onCatalogue={() => write(type, exampleText(type))}
          onSaved={(payload) => choose(payload.eventType, payload.text)}
        />
        <JsonEditor
          label="Data of the event"
          value={text}
          onChange={(next) => {
            write(type, next)
            action.forget()
          }}
          schema={schemaOf(type)}
          onSubmit={() => void send()}
          className={editorClass ?? 'h-96'}
        />
      </div>
      {action.refusal && (
        <div role="alert" className="rounded-md bg-bad-bg px-3 py-2 text-bad">
          {placedSentencesOf(action.refusal).map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </div>
      )}
      <div className="flex flex-wrap items-center gap-3">
        <Button
          type="submit"
          kind="primary"
          icon={<Send size={14} aria-hidden />}
          isBusy={action.isBusy}
          disabled={!endpointId || data === undefined}
        >
          Send test
        </Button>
        {isFull && (
          <>
            <Select
              aria-label="How often"
              className="w-28!"
              value={times}
              onChange={(event) => setTimes(Number(event.target.value))}
            >
              {TIMES.map((count) => (
                <option key={count} value={count}>
                  {count === 1 ? 'once' : `${count} times`}
                </option>
              ))}
            </Select>
            <Select
              aria-label="Signature"
              className="w-56!"
              value={signature}
              onChange={(event) => {
                setSignature(event.target.value as TestSignature)
                action.forget()
              }}
            >
              {SIGNATURES.map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </Select>
            {endpointId && data !== undefined && (
              <CopyButton text={() => asCommand(input)} label="Copy as curl" size="normal">
                Copy as curl
              </CopyButton>
            )}
          </>
        )}
        <span className="text-xs text-ink-3">
          {data === undefined
            ? 'The data is not valid JSON yet.'
            : 'One attempt, marked as a test, no retries. Tests stay out of the statistics.'}
        </span>
      </div>
    </form>
  )
}

function exampleText(type: CatalogueType): string {
  return JSON.stringify(exampleOf(type).data, null, 2)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
