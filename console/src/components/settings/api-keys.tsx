import { KeyRound, Plus } from 'lucide-react'
import { useState } from 'react'
import { graphql, useApiQuery } from '../../api/client.ts'
import type { ApiKeysQuery, Role } from '../../gql/graphql.ts'
import { issueAt, issuesElsewhere, useAction } from '../../lib/actions.ts'
import { useRights } from '../../session/session.ts'
import { Badge } from '../../ui/badge.tsx'
import { Button } from '../../ui/button.tsx'
import { classes } from '../../ui/classes.ts'
import { ConfirmDialog, Dialog } from '../../ui/dialog.tsx'
import { Checkbox, Choice, Field, Select, TextInput } from '../../ui/field.tsx'
import { PlainTable } from '../../ui/plain-table.tsx'
import { Empty, Failed, LoadingRows, Notice } from '../../ui/states.tsx'
import { Ago, Time, useNow } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import { SecretOnce } from '../endpoints/secret-once.tsx'

const KEYS = graphql(`
  query ApiKeys($tenantId: ID, $after: String) {
    apiKeys(tenantId: $tenantId, first: 100, after: $after) {
      nodes {
        id
        name
        role
        hint
        createdAt
        lastUsedAt
        expiresAt
        revokedAt
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`)

const CREATE = graphql(`
  mutation CreateApiKey($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      ... on CreateApiKeySuccess {
        secret
        apiKey {
          id
          name
        }
      }
      ...Refusal
    }
  }
`)

const REVOKE = graphql(`
  mutation RevokeApiKey($id: ID!) {
    revokeApiKey(id: $id) {
      ... on RevokeApiKeySuccess {
        apiKey {
          id
          revokedAt
        }
      }
      ...Refusal
    }
  }
`)

export const ROLE_SENTENCES: Record<Role, string> = {
  ADMIN: 'Sets up endpoints, retries deliveries, makes keys and links, in its tenant. It does not publish.',
  VIEWER:
    'Reads events, deliveries and endpoints of its tenant, but no keys, sessions or audit log. It changes nothing.',
  PUBLISHER: 'Publishes events, and reads nothing. For the platform that sends the events.',
  OPERATOR: 'Everything, for every tenant: for the people who run the gateway.',
}

const ROLE_NAMES: Record<Role, string> = {
  ADMIN: 'Administer the tenant (ADMIN)',
  VIEWER: 'Read (VIEWER)',
  PUBLISHER: 'Publish events (PUBLISHER)',
  OPERATOR: 'Operate the gateway (OPERATOR)',
}

type ApiKey = NonNullable<ApiKeysQuery['apiKeys']>['nodes'][number]

/** `tenantId` is null if an operator has chosen none. Keys without a tenant can still be created. */
export function ApiKeys({ tenantId }: { tenantId: string | null }) {
  const { data, fault, refetch } = useApiQuery(KEYS, { tenantId }, { pause: tenantId === null })
  const [isMaking, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<ApiKey | null>(null)
  const revoke = useAction(REVOKE, (reply) => reply.revokeApiKey)
  const [showsEnded, setShowsEnded] = useState(false)
  const now = useNow(60_000)
  const all = data?.apiKeys?.nodes ?? []
  const keys = all.filter((key) => showsEnded || stateOf(key, now) === 'live')
  const confirm = async () => {
    const done = revoking && (await revoke.run({ id: revoking.id }))
    setRevoking(null)
    if (done) toast({ tone: 'good', title: `${revoking.name} no longer works.` })
  }
  return (
    <div className="flex flex-col gap-3 px-6 py-4 max-sm:px-4">
      <div className="flex flex-wrap items-center gap-3">
        <p className="min-w-64 flex-1 text-ink-2">
          Programs show a key as <code className="font-mono text-xs">authorization: Bearer …</code>. It is stored
          nowhere; what is kept is enough to recognise it by.
        </p>
        {all.length > keys.length || showsEnded ? (
          <Checkbox
            label="Show ended keys"
            checked={showsEnded}
            onChange={(event) => setShowsEnded(event.target.checked)}
          />
        ) : null}
        <Button kind="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setMaking(true)}>
          New key
        </Button>
      </div>
      {tenantId === null ? (
        <Empty title="Choose a tenant">Its keys appear here once you chose one in the top bar.</Empty>
      ) : fault && !data ? (
        <Failed fault={fault} onRetry={refetch} />
      ) : !data ? (
        <LoadingRows rows={4} />
      ) : keys.length === 0 ? (
        <Empty icon={<KeyRound size={28} aria-hidden />} title="No keys that work">
          Make one for each program, so that each can be taken back alone.
        </Empty>
      ) : (
        <div className="overflow-x-auto rounded-lg border border-line bg-surface">
          <PlainTable caption="API keys" headers={['Name', 'Key', 'Role', 'Last used', 'Created', 'Expires', '']}>
            {keys.map((key) => (
              <KeyRow key={key.id} apiKey={key} state={stateOf(key, now)} onRevoke={() => setRevoking(key)} />
            ))}
          </PlainTable>
          {data.apiKeys?.pageInfo.hasNextPage && (
            <p className="p-3 text-center text-ink-2">The newest 100 are shown.</p>
          )}
        </div>
      )}
      {isMaking && <NewKeyDialog tenantId={tenantId} onMade={refetch} onClose={() => setMaking(false)} />}
      <ConfirmDialog
        isOpen={revoking !== null}
        onClose={() => setRevoking(null)}
        title={`Revoke ${revoking?.name ?? ''}?`}
        description="Whatever uses it is refused within seconds, on open connections too. It cannot be brought back."
        action="Revoke the key"
        isDangerous
        isBusy={revoke.isBusy}
        onConfirm={() => void confirm()}
      />
    </div>
  )
}

type State = 'live' | 'revoked' | 'expired'

function stateOf({ revokedAt, expiresAt }: ApiKey, now: number): State {
  return revokedAt ? 'revoked' : expiresAt && Date.parse(expiresAt) <= now ? 'expired' : 'live'
}

function KeyRow({ apiKey, state, onRevoke }: { apiKey: ApiKey; state: State; onRevoke(): void }) {
  const { name, hint, role, lastUsedAt, createdAt, expiresAt, revokedAt } = apiKey
  const cell = 'h-10 border-b border-line px-3'
  return (
    <tr>
      <th scope="row" className={classes(cell, 'text-left font-medium')}>
        {name}
      </th>
      <td className={classes(cell, 'font-mono text-xs')}>{hint}</td>
      <td className={cell} title={ROLE_SENTENCES[role]}>
        <Badge tone={role === 'OPERATOR' ? 'warn' : 'idle'}>{role.toLowerCase()}</Badge>
      </td>
      <td className={cell}>{lastUsedAt ? <Ago at={lastUsedAt} /> : <span className="text-ink-3">never</span>}</td>
      <td className={cell}>
        <Time at={createdAt} />
      </td>
      <td className={cell}>
        {state === 'revoked' ? (
          <span className="text-ink-2">
            revoked <Time at={revokedAt} />
          </span>
        ) : state === 'expired' ? (
          <span className="text-ink-2">
            expired <Time at={expiresAt} />
          </span>
        ) : expiresAt ? (
          <Ago at={expiresAt} />
        ) : (
          <span className="text-ink-3">never</span>
        )}
      </td>
      <td className={classes(cell, 'text-right')}>
        {state === 'live' && (
          <Button size="small" kind="danger" onClick={onRevoke}>
            Revoke
          </Button>
        )}
      </td>
    </tr>
  )
}

const DAY = 86_400_000
const LIVES: readonly [string, number | null][] = [
  ['Never', null],
  ['In 7 days', 7 * DAY],
  ['In 30 days', 30 * DAY],
  ['In 90 days', 90 * DAY],
  ['In a year', 365 * DAY],
]

type NewKeyProps = { tenantId: string | null; onMade(): void; onClose(): void }

function NewKeyDialog({ tenantId, onMade, onClose }: NewKeyProps) {
  const { isOperator } = useRights()
  const roles: Role[] = isOperator
    ? tenantId === null
      ? ['PUBLISHER', 'OPERATOR']
      : ['VIEWER', 'ADMIN', 'PUBLISHER', 'OPERATOR']
    : ['VIEWER', 'ADMIN']
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>(roles[0]!)
  const [isForAll, setForAll] = useState(false)
  const [lifeMs, setLifeMs] = useState<number | null>(null)
  const [secret, setSecret] = useState<string | null>(null)
  const create = useAction(CREATE, (data) => data.createApiKey, { showsRefusal: true })
  const isTenantless = role === 'OPERATOR' || (role === 'PUBLISHER' && (isForAll || tenantId === null))
  const run = async () => {
    const done = await create.run({
      input: {
        name: name.trim(),
        role,
        tenantId: isTenantless ? null : tenantId,
        expiresAt: lifeMs === null ? null : new Date(Date.now() + lifeMs).toISOString(),
      },
    })
    if (!done) return
    setSecret(done.secret)
    if (tenantId !== null) onMade()
  }
  if (secret !== null)
    return (
      <Dialog
        isOpen
        onClose={onClose}
        isSticky
        title={`The key ${name.trim()}`}
        footer={
          <Button kind="primary" onClick={onClose}>
            I have stored it
          </Button>
        }
      >
        <SecretOnce secret={secret} what="API key">
          {ROLE_SENTENCES[role]}
        </SecretOnce>
      </Dialog>
    )
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="New API key"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" disabled={name.trim() === ''} isBusy={create.isBusy} onClick={() => void run()}>
            Make the key
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4" onChange={() => create.forget()}>
        <Field label="Name" hint="The program that will use it." error={issueAt(create.refusal, 'name')}>
          {(control) => <TextInput {...control} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <fieldset className="flex flex-col gap-2">
          <legend className="mb-1 font-medium">What may the program do?</legend>
          {roles.map((one) => (
            <Choice
              key={one}
              group="role"
              isOn={role === one}
              onChoose={() => setRole(one)}
              label={ROLE_NAMES[one]}
              hint={ROLE_SENTENCES[one]}
            />
          ))}
          {!isOperator && (
            <p className="text-xs text-ink-3">
              A key that publishes events (PUBLISHER) is made by an operator of the gateway: ask one.
            </p>
          )}
          {issueAt(create.refusal, 'role') && (
            <p role="alert" className="text-xs text-bad">
              {issueAt(create.refusal, 'role')}
            </p>
          )}
        </fieldset>
        {role === 'PUBLISHER' && tenantId !== null && (
          <Checkbox
            label="For every tenant"
            hint="It names the tenant with each publish."
            checked={isForAll}
            onChange={(event) => setForAll(event.target.checked)}
          />
        )}
        {isTenantless && <Notice tone="info">A key for no tenant in particular is not in any tenant’s list.</Notice>}
        <Field label="Expires" error={issueAt(create.refusal, 'expiresAt')}>
          {(control) => (
            <Select
              {...control}
              value={lifeMs ?? ''}
              onChange={(event) => setLifeMs(event.target.value === '' ? null : Number(event.target.value))}
            >
              {LIVES.map(([label, ms]) => (
                <option key={label} value={ms ?? ''}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {issuesElsewhere(create.refusal, ['name', 'role', 'expiresAt']).map((message) => (
          <Notice key={message} tone="bad">
            {message}
          </Notice>
        ))}
      </div>
    </Dialog>
  )
}
