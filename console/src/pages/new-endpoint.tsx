import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { ArrowLeft, CircleCheck, Inbox } from 'lucide-react'
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import { graphql } from '../api/client.ts'
import type { SentTest } from '../api/send-test.ts'
import { AddressFields, HeaderFields, LimitFields, OrderField } from '../components/endpoints/endpoint-fields.tsx'
import { EventTypePicker, isPublished } from '../components/endpoints/event-type-picker.tsx'
import { SecretOnce } from '../components/endpoints/secret-once.tsx'
import { VerifySnippets } from '../components/endpoints/verify-snippets.tsx'
import { useCatalogue } from '../components/events/catalogue.ts'
import { ConditionField } from '../components/filters/condition-field.tsx'
import { conditionError, PreviewSentence, useFilterPreview } from '../components/filters/filter-preview.tsx'
import { useCreateReceiver } from '../components/receiver/create-receiver.ts'
import { LeaveGuard } from '../components/shell/leave-guard.tsx'
import { TestForm } from '../components/tester/test-form.tsx'
import { TestResult } from '../components/tester/test-result.tsx'
import { issueAt, issuesElsewhere, useAction } from '../lib/actions.ts'
import { conditionOf, createInput, EMPTY_DRAFT, type EndpointDraft, validateNumber } from '../lib/endpoint-draft.ts'
import { useRights } from '../session/session.ts'
import { useTenantId } from '../session/tenant.ts'
import { Button, buttonClass } from '../ui/button.tsx'
import { Card, Facts, Page } from '../ui/page.tsx'
import { Empty, Failed, LoadingRows, Notice } from '../ui/states.tsx'

const CREATE = graphql(`
  mutation CreateEndpoint($input: CreateEndpointInput!) {
    createEndpoint(input: $input) {
      ... on CreateEndpointSuccess {
        signingSecret
        endpoint {
          id
          name
          url
        }
      }
      ...Refusal
    }
  }
`)

const route = getRouteApi('/endpoints/new')

type Created = { signingSecret: string; endpoint: { id: string; name: string; url: string } }

const PLACES = ['name', 'url', 'eventTypes', 'condition', 'maxInFlight', 'rateLimitPerSecond', 'headers']

export function NewEndpointPage() {
  const { mayChange } = useRights()
  const { types, fault, refetch } = useCatalogue()
  const [created, setCreated] = useState<Created | null>(null)
  if (!mayChange)
    return (
      <Empty
        title="Only an admin can create endpoints"
        action={
          <Link to="/endpoints" className={buttonClass()}>
            To the endpoints
          </Link>
        }
      >
        You can read everything here, but change nothing.
      </Empty>
    )
  if (fault && !types) return <Failed fault={fault} onRetry={refetch} />
  if (!types) return <LoadingRows />
  return created ? (
    <CreatedEndpoint created={created} types={types} />
  ) : (
    <CreateForm types={types} onCreated={setCreated} />
  )
}

type Types = NonNullable<ReturnType<typeof useCatalogue>['types']>

function CreateForm({ types, onCreated }: { types: Types; onCreated(created: Created): void }) {
  const tenantId = useTenantId()
  const navigate = useNavigate()
  const [draft, setDraft] = useState<EndpointDraft>(EMPTY_DRAFT)
  const create = useAction(CREATE, (data) => data.createEndpoint, { showsRefusal: true })
  const { refusal } = create
  const form = useRef<HTMLFormElement>(null)
  // Scroll to the first error.
  useEffect(() => {
    if (refusal) form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus()
  }, [refusal])
  const change = (some: Partial<EndpointDraft>) => {
    setDraft((before) => ({ ...before, ...some }))
    create.forget(...Object.keys(some))
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    const done = await create.run({ input: createInput(draft, tenantId) })
    if (done) onCreated(done)
  }
  const isReady =
    draft.name.trim() !== '' &&
    draft.url.trim() !== '' &&
    (draft.eventTypes === null || draft.eventTypes.length > 0) &&
    validateNumber(draft.maxInFlight) === null &&
    validateNumber(draft.rateLimitPerSecond) === null
  const fields = { draft, onChange: change, refusal }
  const tried = useFilterPreview({ tenantId, types, eventTypes: draft.eventTypes, condition: draft.condition })
  return (
    <Page title="New endpoint" lead="It gets the events that are published from the moment it is made.">
      <LeaveGuard
        isActive={JSON.stringify(draft) !== JSON.stringify(EMPTY_DRAFT)}
        title="Leave without creating it?"
        description="What you typed for the new endpoint is not kept."
        action="Leave without it"
      />
      <form
        ref={form}
        onSubmit={submit}
        className="grid max-w-6xl items-start gap-6 xl:grid-cols-[minmax(0,1fr)_320px]"
      >
        <div className="flex flex-col gap-4">
          <Step number={1} title="Where">
            <AddressFields {...fields} />
            <UseReceiver
              onUse={(url) => change({ url, ...(draft.name.trim() === '' && { name: 'Built-in receiver' }) })}
            />
          </Step>
          <Step number={2} title="Which events">
            <div className="flex flex-col gap-6">
              <EventTypePicker
                types={types}
                chosen={draft.eventTypes}
                onChange={(eventTypes) => change({ eventTypes })}
                error={issueAt(refusal, 'eventTypes')}
              />
              <div className="flex flex-col gap-2">
                <ConditionField
                  value={draft.condition}
                  onChange={(condition) => change({ condition })}
                  error={issueAt(refusal, 'condition') ?? conditionError(tried)}
                />
                {draft.eventTypes?.length !== 0 && <PreviewSentence tried={tried} />}
              </div>
            </div>
          </Step>
          <Step number={3} title="How" hint="Optional. All of it can be changed later.">
            <div className="flex flex-col gap-6">
              <LimitFields {...fields} />
              <OrderField draft={draft} onChange={change} />
              <HeaderFields {...fields} />
            </div>
          </Step>
        </div>
        <Card title="Review" className="xl:sticky xl:top-0">
          <div className="flex flex-col gap-4 p-4">
            <Facts
              facts={[
                ['Name', draft.name.trim() || <Missing key="name" />],
                [
                  'URL',
                  draft.url.trim() ? (
                    <span key="url" className="font-mono text-xs">
                      {draft.url.trim()}
                    </span>
                  ) : (
                    <Missing key="url" />
                  ),
                ],
                [
                  'Events',
                  draft.eventTypes === null ? (
                    `all ${types.filter(isPublished).length} types`
                  ) : draft.eventTypes.length === 0 ? (
                    <Missing key="events" />
                  ) : (
                    draft.eventTypes.join(', ')
                  ),
                ],
                [
                  'Condition',
                  conditionOf(draft.condition) && (
                    <span key="condition" className="font-mono text-xs [overflow-wrap:anywhere]">
                      {conditionOf(draft.condition)}
                    </span>
                  ),
                ],
                ['Max concurrent requests', draft.maxInFlight || '20 for each worker'],
                ['At most per second', draft.rateLimitPerSecond || 'no limit'],
                ['Order', draft.ordering === 'SUBJECT' ? 'kept for each subject' : 'as they come'],
                ['Headers', draft.headers.map(({ name }) => name).join(', ')],
                ['Attempts', 'one at once, then by the schedule of the gateway'],
              ]}
            />
            {issuesElsewhere(refusal, PLACES).map((message) => (
              <Notice key={message} tone="bad">
                {message}
              </Notice>
            ))}
            <Button type="submit" kind="primary" disabled={!isReady} isBusy={create.isBusy}>
              Create endpoint
            </Button>
            <Button onClick={() => void navigate({ to: '/endpoints', ignoreBlocker: true })}>Cancel</Button>
            <p className="text-xs text-ink-3">Its signing secret is shown next, once.</p>
          </div>
        </Card>
      </form>
    </Page>
  )
}

/** Fills in the address of the built-in receiver, at once if the page was opened for it. */
function UseReceiver({ onUse }: { onUse(url: string): void }) {
  const { receiver } = route.useSearch()
  const { create, isBusy } = useCreateReceiver(useTenantId())
  const use = async () => {
    const url = await create()
    if (url !== null) onUse(url)
  }
  const isWanted = useRef(receiver === 'built-in')
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the page is opened
  useEffect(() => {
    if (isWanted.current) void use()
    isWanted.current = false
  }, [])
  return (
    <p className="mt-3 flex flex-wrap items-center gap-x-3 gap-y-1 text-ink-2">
      No server yet?
      <Button size="small" icon={<Inbox size={14} aria-hidden />} isBusy={isBusy} onClick={() => void use()}>
        Use the built-in receiver
      </Button>
    </p>
  )
}

function CreatedEndpoint({ created: { endpoint, signingSecret }, types }: { created: Created; types: Types }) {
  const tenantId = useTenantId()
  const [test, setTest] = useState<SentTest | null>(null)
  const isBuiltIn = /\/receive\/[\w-]{43}$/.test(endpoint.url)
  return (
    <Page
      title={`${endpoint.name} is ready`}
      lead={<span className="font-mono">{endpoint.url}</span>}
      actions={
        <Link
          to="/endpoints/$endpointId"
          params={{ endpointId: endpoint.id }}
          ignoreBlocker
          className={buttonClass('primary')}
        >
          <CircleCheck size={14} aria-hidden />
          Done, show the endpoint
        </Link>
      }
    >
      <div className="flex max-w-6xl flex-col gap-4">
        {isBuiltIn && (
          <Notice
            tone="info"
            action={
              <Link to="/receiver" ignoreBlocker className={buttonClass('plain', 'small')}>
                Show the receiver
              </Link>
            }
          >
            The built-in receiver checks the signature itself: send a test below, and see what comes.
          </Notice>
        )}
        <SecretOnce secret={signingSecret} what="signing secret">
          Put it into your receiver’s environment as <code className="font-mono">SIVO_WEBHOOK_SECRET</code>. Should it
          get lost, rotate it: nothing that is delivered meanwhile is lost with it.
        </SecretOnce>
        <Step number={1} title="Check the signature">
          <VerifySnippets />
        </Step>
        <Step number={2} title="Send a test">
          <div className="grid gap-6 xl:grid-cols-2">
            <TestForm types={types} tenantId={tenantId} endpointId={endpoint.id} onSent={setTest} editorClass="h-72" />
            {test ? (
              <TestResult key={test.deliveryId} test={test} />
            ) : (
              <p className="text-ink-2">
                Each step of the attempt appears here as it is taken: name, connection, TLS, request, answer.
              </p>
            )}
          </div>
        </Step>
        <p>
          <Link to="/endpoints" className="inline-flex items-center gap-1 text-link hover:underline">
            <ArrowLeft size={14} aria-hidden />
            All endpoints
          </Link>
        </p>
      </div>
    </Page>
  )
}

function Step({
  number,
  title,
  hint,
  children,
}: {
  number: number
  title: string
  hint?: string
  children: ReactNode
}) {
  return (
    <Card
      title={
        <span className="flex items-center gap-2">
          <span className="flex size-5 items-center justify-center rounded-full bg-selected text-xs" aria-hidden>
            {number}
          </span>
          {title}
          {hint && <span className="font-normal text-ink-3">{hint}</span>}
        </span>
      }
    >
      <div className="p-4">{children}</div>
    </Card>
  )
}

function Missing() {
  return <span className="text-ink-3">not yet</span>
}
