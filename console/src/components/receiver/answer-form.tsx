// How the test receiver answers from now on.

import { type FormEvent, useState } from 'react'
import { graphql } from '../../api/client.ts'
import { issueAt, useAction } from '../../lib/actions.ts'
import { Button } from '../../ui/button.tsx'
import { Field, Select, TextInput } from '../../ui/field.tsx'
import { Notice } from '../../ui/states.tsx'
import { toast } from '../../ui/toast.tsx'

const UPDATE = graphql(`
  mutation UpdateTestReceiver($input: UpdateTestReceiverInput!) {
    updateTestReceiver(input: $input) {
      ... on UpdateTestReceiverSuccess {
        testReceiver {
          ...ReceiverAnswer
        }
      }
      ...Refusal
    }
  }
`)

graphql(`
  fragment ReceiverAnswer on TestReceiver {
    statusCode
    delayMs
    retryAfterSeconds
  }
`)

type Answer = { readonly statusCode: number; readonly delayMs: number; readonly retryAfterSeconds?: number | null }

const STATUSES: readonly [number, string][] = [
  [200, '200, accepted'],
  [204, '204, accepted without a body'],
  [302, '302, a redirect, which is not followed'],
  [400, '400, refused'],
  [410, '410, gone for good'],
  [429, '429, asks for fewer requests'],
  [500, '500, failed'],
  [503, '503, not available'],
]
const DELAYS: readonly [number, string][] = [
  [0, 'at once'],
  [500, 'after 0.5 s'],
  [2_000, 'after 2 s'],
  [5_000, 'after 5 s'],
  [12_000, 'after 12 s, which is too late'],
]

export function AnswerForm({
  tenantId,
  answer,
  mayChange,
  onChanged,
}: {
  tenantId: string
  answer: Answer
  mayChange: boolean
  onChanged(): void
}) {
  const [statusCode, setStatusCode] = useState(answer.statusCode)
  const [delayMs, setDelayMs] = useState(answer.delayMs)
  const [retryAfter, setRetryAfter] = useState(String(answer.retryAfterSeconds ?? ''))
  const update = useAction(UPDATE, (data) => data.updateTestReceiver, { showsRefusal: true })
  const asksToWait = statusCode === 429 || statusCode === 503
  const isNumber = /^\d*$/.test(retryAfter.trim())
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const retryAfterSeconds = asksToWait && retryAfter.trim() ? Number(retryAfter) : null
    const done = await update.run({ input: { tenantId, statusCode, delayMs, retryAfterSeconds } })
    if (!done) return
    toast({ tone: 'good', title: `The receiver answers ${statusCode} from now on.` })
    onChanged()
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4 p-4">
      <div className="grid gap-4 sm:grid-cols-2 xl:grid-cols-1">
        <Field label="Status" error={issueAt(update.refusal, 'statusCode')}>
          {(control) => (
            <Select
              {...control}
              disabled={!mayChange}
              value={statusCode}
              onChange={(event) => setStatusCode(Number(event.target.value))}
            >
              {withOwn(STATUSES, answer.statusCode, String).map(([code, words]) => (
                <option key={code} value={code}>
                  {words}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label="When" error={issueAt(update.refusal, 'delayMs')}>
          {(control) => (
            <Select
              {...control}
              disabled={!mayChange}
              value={delayMs}
              onChange={(event) => setDelayMs(Number(event.target.value))}
            >
              {withOwn(DELAYS, answer.delayMs, (ms) => `after ${ms / 1000} s`).map(([ms, words]) => (
                <option key={ms} value={ms}>
                  {words}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {asksToWait && (
          <Field
            label="Retry-After"
            hint="Seconds, 1 to 3,600. Empty: the header is not sent."
            error={
              isNumber
                ? issueAt(update.refusal, 'retryAfterSeconds')
                : 'Expected a whole number of seconds, or nothing.'
            }
          >
            {(control) => (
              <TextInput
                {...control}
                inputMode="numeric"
                disabled={!mayChange}
                value={retryAfter}
                onChange={(event) => {
                  setRetryAfter(event.target.value)
                  update.forget('retryAfterSeconds')
                }}
              />
            )}
          </Field>
        )}
      </div>
      {statusCode === 410 && (
        <Notice>A 410 says “never again”: it disables the endpoint, and what waits for it is held.</Notice>
      )}
      {mayChange && (
        <Button type="submit" kind="primary" className="self-start" disabled={!isNumber} isBusy={update.isBusy}>
          Answer like this
        </Button>
      )}
    </form>
  )
}

/** The choices, with a value that was set through the API. */
function withOwn(
  choices: readonly [number, string][],
  own: number,
  words: (value: number) => string,
): readonly (readonly [number, string])[] {
  if (choices.some(([value]) => value === own)) return choices
  return [...choices, [own, words(own)] as const].sort(([a], [b]) => a - b)
}
