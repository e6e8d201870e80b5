// An editor for the API with the rights of the session. Queries and mutations get one answer; subscriptions run until
// they are stopped.

import { Kind, parse } from 'graphql'
import { BookOpen, Play, Square } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { API_HEADERS, type RawReply, sendDocument } from '../../api/graphql-request.ts'
import { openStream } from '../../api/streams.ts'
import { samplesFor } from '../../lib/api-samples.ts'
import { asCurl } from '../../lib/curl.ts'
import { formatCount, formatMs } from '../../lib/format.ts'
import { asJavaScript, asPython } from '../../lib/program-samples.ts'
import { useRights } from '../../session/session.ts'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/code.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { Select } from '../../ui/field.tsx'
import { Failed, LoadingRows, Notice } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { JsonEditor } from '../tester/json-editor.tsx'
import { useApiSchema } from './api-schema.ts'
import { GraphqlEditor } from './graphql-editor.tsx'
import { SchemaReference } from './schema-reference.tsx'

const DOCUMENT_KEY = 'sivo.api.document'
const VARIABLES_KEY = 'sivo.api.variables'
const MOST_MESSAGES = 100
const PROGRAMS = [
  ['JavaScript', asJavaScript],
  ['Python', asPython],
] as const

type Message = { readonly number: number; readonly at: string; readonly text: string }
type Result =
  | { readonly kind: 'reply'; readonly reply: RawReply }
  | { readonly kind: 'stream'; readonly messages: readonly Message[]; readonly count: number; readonly isOpen: boolean }
  | { readonly kind: 'fault'; readonly sentence: string }

type ExplorerProps = {
  tenantId: string | null
  /** The document and variables from the address. They replace the previous ones. */
  document: string | undefined
  variables: string | undefined
}

export function ApiExplorer({ tenantId, document, variables }: ExplorerProps) {
  const { schema, fault, retry } = useApiSchema()
  const samples = samplesFor(useRights().isOperator)
  const [text, setText] = useState(() => document ?? sessionStorage.getItem(DOCUMENT_KEY) ?? samples[0]!.document)
  const [variablesText, setVariablesText] = useState(
    () =>
      variables ?? sessionStorage.getItem(VARIABLES_KEY) ?? JSON.stringify(samples[0]!.variables(tenantId), null, 2),
  )
  const [result, setResult] = useState<Result | null>(null)
  const [isBusy, setBusy] = useState(false)
  const [chosen, setChosen] = useState('')
  const [isReading, setReading] = useState(false)
  const stopping = useRef<(() => void) | null>(null)

  useEffect(() => {
    sessionStorage.setItem(DOCUMENT_KEY, text)
    sessionStorage.setItem(VARIABLES_KEY, variablesText)
  }, [text, variablesText])
  useEffect(() => () => stopping.current?.(), [])

  const operations = operationsOf(text)
  const operation = operations.find(({ name }) => name === chosen) ?? operations[0]

  const stop = () => {
    stopping.current?.()
    stopping.current = null
    setResult((before) => (before?.kind === 'stream' ? { ...before, isOpen: false } : before))
  }
  const run = async () => {
    stop()
    const given = readVariables(variablesText)
    if (typeof given === 'string') return setResult({ kind: 'fault', sentence: given })
    const operationName = operations.length > 1 ? operation?.name : undefined
    if (operation?.kind === 'subscription') return watch(given)
    setBusy(true)
    try {
      const reply = await sendDocument({ query: text, variables: given, ...(operationName ? { operationName } : {}) })
      setResult({ kind: 'reply', reply })
    } catch {
      setResult({ kind: 'fault', sentence: 'No answer came. The gateway may be restarting; try again.' })
    } finally {
      setBusy(false)
    }
  }
  const watch = (given: Record<string, unknown>) => {
    setResult({ kind: 'stream', messages: [], count: 0, isOpen: true })
    stopping.current = openStream<unknown, Record<string, unknown>>(text, () => given, {
      next: (data) =>
        setResult((before) => {
          if (before?.kind !== 'stream') return before
          const message = {
            number: before.count + 1,
            at: new Date().toISOString(),
            text: JSON.stringify(data, null, 2),
          }
          return {
            ...before,
            count: before.count + 1,
            messages: [message, ...before.messages].slice(0, MOST_MESSAGES),
          }
        }),
      refused: ({ detail }) => setResult({ kind: 'fault', sentence: detail }),
      ended: stop,
    })
  }
  const isOpen = result?.kind === 'stream' && result.isOpen
  return (
    <div className="flex h-full min-h-0 flex-col gap-3 px-6 py-4 max-sm:px-4">
      <div className="flex flex-wrap items-center gap-2">
        {isOpen ? (
          <Button icon={<Square size={14} aria-hidden />} onClick={stop}>
            Stop
          </Button>
        ) : (
          <Button
            kind="primary"
            icon={<Play size={14} aria-hidden />}
            isBusy={isBusy}
            title="Control or Command with Enter"
            onClick={() => void run()}
          >
            {operation?.kind === 'subscription' ? 'Subscribe' : 'Run'}
          </Button>
        )}
        {operations.length > 1 && (
          <Select
            aria-label="Operation"
            className="w-56!"
            value={operation?.name ?? ''}
            onChange={(event) => setChosen(event.target.value)}
          >
            {operations.map(({ name, kind }) => (
              <option key={name} value={name}>
                {kind} {name}
              </option>
            ))}
          </Select>
        )}
        <Select
          aria-label="Begin with"
          className="w-64!"
          value=""
          onChange={(event) => {
            const sample = samples.find(({ name }) => name === event.target.value)
            if (!sample) return
            stop()
            setText(sample.document)
            setVariablesText(JSON.stringify(sample.variables(tenantId), null, 2))
          }}
        >
          <option value="">Begin with …</option>
          {samples.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </Select>
        <CopyButton
          size="normal"
          label="Copy as curl"
          text={() => asCommand(text, readVariables(variablesText), operation?.kind === 'subscription')}
        >
          Copy as curl
        </CopyButton>
        {PROGRAMS.map(([language, write]) => (
          <CopyButton
            key={language}
            size="normal"
            label={`Copy as ${language}`}
            text={() =>
              write({
                url: `${location.origin}/graphql`,
                document: text,
                variables: givenVariables(variablesText),
                isSubscription: operation?.kind === 'subscription',
              })
            }
          >
            {language}
          </CopyButton>
        ))}
        <span className="flex-1" />
        <Button
          icon={<BookOpen size={14} aria-hidden />}
          aria-expanded={isReading}
          onClick={() => setReading(!isReading)}
        >
          {isReading ? 'Hide the reference' : 'Reference'}
        </Button>
      </div>
      {fault && (
        <Notice
          tone="warn"
          action={
            <Button size="small" onClick={retry}>
              Try again
            </Button>
          }
        >
          Without the schema there is no completion. {fault.detail}
        </Notice>
      )}
      <div
        className={`grid min-h-0 flex-1 gap-3 max-lg:auto-rows-max max-lg:grid-cols-[minmax(0,1fr)] max-lg:overflow-y-auto ${isReading ? 'lg:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_340px]' : 'lg:grid-cols-2'}`}
      >
        <div className="flex min-h-0 flex-col gap-2">
          <GraphqlEditor
            value={text}
            onChange={setText}
            schema={schema}
            onSubmit={() => void run()}
            className="min-h-56 flex-[3]"
          />
          <h2 className="font-medium">Variables</h2>
          <JsonEditor
            label="Variables"
            value={variablesText}
            onChange={setVariablesText}
            schema={null}
            onSubmit={() => void run()}
            className="min-h-24 flex-1"
          />
        </div>
        <section className="flex min-h-56 flex-col gap-2 overflow-y-auto" aria-label="Result">
          <Answer result={result} />
        </section>
        {isReading && (
          <aside
            aria-label="Reference"
            className="min-h-0 overflow-y-auto rounded-lg border border-line bg-surface p-4"
          >
            {schema ? (
              <SchemaReference schema={schema} />
            ) : fault ? (
              <Failed fault={fault} onRetry={retry} isSmall />
            ) : (
              <LoadingRows rows={6} />
            )}
          </aside>
        )}
      </div>
    </div>
  )
}

function Answer({ result }: { result: Result | null }) {
  if (!result)
    return <p className="text-ink-2">The response comes here. What you may see and do is what your session may.</p>
  if (result.kind === 'fault') return <Notice tone="bad">{result.sentence}</Notice>
  if (result.kind === 'reply') {
    const { reply } = result
    const hasErrors = (reply.body as { errors?: unknown } | null)?.errors !== undefined
    return (
      <>
        <p className="text-ink-2 tabular-nums" role="status">
          <span className={reply.status >= 400 || hasErrors ? 'font-medium text-bad' : 'font-medium text-good'}>
            HTTP {reply.status}
          </span>
          {`, ${formatMs(reply.ms)}`}
          {reply.cost && ` · cost ${formatCount(reply.cost.requested)} of ${formatCount(reply.cost.limit)}`}
          {reply.rateLimit &&
            ` · ${formatCount(reply.rateLimit.remaining)} of ${formatCount(reply.rateLimit.limit)} requests left`}
        </p>
        <Code
          text={typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body, null, 2)}
          label="response"
          isJson
          className="[&>pre]:max-h-none!"
        />
      </>
    )
  }
  return (
    <>
      <p className="text-ink-2 tabular-nums" role="status">
        {result.isOpen ? 'Open' : 'Stopped'}, {formatCount(result.count)} {result.count === 1 ? 'message' : 'messages'}
        {result.count > MOST_MESSAGES && `, the newest ${MOST_MESSAGES} are shown`}
      </p>
      {result.messages.length === 0 && result.isOpen && <p className="text-ink-3">Waiting for the first message …</p>}
      {result.messages.map(({ number, at, text }) => (
        <div key={number}>
          <p className="text-xs text-ink-3">
            #{number}, <Time at={at} />
          </p>
          <Code text={text} label={`message ${number}`} isJson />
        </div>
      ))}
    </>
  )
}

type Operation = { readonly name: string; readonly kind: 'query' | 'mutation' | 'subscription' }

function operationsOf(text: string): Operation[] {
  try {
    return parse(text).definitions.flatMap((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION
        ? [{ name: definition.name?.value ?? '', kind: definition.operation }]
        : [],
    )
  } catch {
    return []
  }
}

/** The variables, or the reason why they cannot be sent. */
function readVariables(text: string): Record<string, unknown> | string {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
    return 'Expected the variables as a JSON object, such as { "id": "…" }. Mend them and run again.'
  } catch (error) {
    return `The variables are no JSON: ${(error as Error).message}. Mend them and run again.`
  }
}

/** None where they cannot be sent. */
function givenVariables(text: string): Record<string, unknown> {
  const given = readVariables(text)
  return typeof given === 'string' ? {} : given
}

function asCommand(query: string, variables: Record<string, unknown> | string, isStream: boolean): string {
  const body = JSON.stringify({ query, ...(typeof variables === 'string' ? {} : { variables }) })
  const headers = isStream ? [...API_HEADERS, { name: 'accept', value: 'text/event-stream' }] : API_HEADERS
  const command = asCurl(`${location.origin}/graphql`, body, headers)
  return isStream ? command.replace('curl ', 'curl -N ') : command
}
