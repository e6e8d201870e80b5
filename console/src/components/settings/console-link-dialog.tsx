import { Link2 } from 'lucide-react'
import { useState } from 'react'
import { graphql } from '../../api/client.ts'
import type { Role } from '../../gql/graphql.ts'
import { issueAt, issuesElsewhere, useAction } from '../../lib/actions.ts'
import { useRights } from '../../session/session.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Field, Select, TextInput } from '../../ui/field.tsx'
import { Notice } from '../../ui/states.tsx'
import { Ago, Time } from '../../ui/time.tsx'
import { SecretOnce } from '../endpoints/secret-once.tsx'
import { ROLE_SENTENCES } from './api-keys.tsx'

const CREATE = graphql(`
  mutation CreateConsoleLink($input: CreateConsoleLinkInput!) {
    createConsoleLink(input: $input) {
      ... on CreateConsoleLinkSuccess {
        url
        expiresAt
      }
      ...Refusal
    }
  }
`)

const LIVES: readonly [string, number][] = [
  ['15 minutes', 900],
  ['1 hour', 3_600],
  ['1 day', 86_400],
  ['7 days', 604_800],
]

type LinkProps = { tenantId: string; tenantName: string; onClose(): void }

/** Creates a link that signs in to the console of a tenant once. */
export function ConsoleLinkDialog({ tenantId, tenantName, onClose }: LinkProps) {
  const { isOperator } = useRights()
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('VIEWER')
  const [seconds, setSeconds] = useState(LIVES[0]![1])
  const [made, setMade] = useState<{ url: string; expiresAt: string } | null>(null)
  const create = useAction(CREATE, (data) => data.createConsoleLink, { showsRefusal: true })
  const run = async () => {
    const input = {
      name: name.trim(),
      role,
      expiresInSeconds: seconds,
      tenantId: role === 'OPERATOR' ? null : tenantId,
    }
    setMade(await create.run({ input }))
  }
  if (made)
    return (
      <Dialog
        isOpen
        onClose={onClose}
        isSticky
        title={`The console link for ${name.trim()}`}
        footer={
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        }
      >
        <SecretOnce secret={made.url} what="link">
          It signs in once, the first person who opens it, until <Time at={made.expiresAt} /> (
          <Ago at={made.expiresAt} />
          ). Send it only to {name.trim()}.
        </SecretOnce>
      </Dialog>
    )
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`Invite a person to ${tenantName}`}
      description="It signs a browser in once; the session then lasts twelve hours."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            icon={<Link2 size={14} aria-hidden />}
            isBusy={create.isBusy}
            disabled={name.trim() === ''}
            onClick={() => void run()}
          >
            Make the link
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4" onChange={() => create.forget()}>
        <Field
          label="Person"
          hint="Who will sign in. Sessions, the audit log and what the person does show this name."
          error={issueAt(create.refusal, 'name')}
        >
          {(control) => <TextInput {...control} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        <Field label="Role" hint={ROLE_SENTENCES[role]} error={issueAt(create.refusal, 'role')}>
          {(control) => (
            <Select {...control} value={role} onChange={(event) => setRole(event.target.value as Role)}>
              <option value="VIEWER">Viewer</option>
              <option value="ADMIN">Admin</option>
              {isOperator && <option value="OPERATOR">Operator, for every tenant</option>}
            </Select>
          )}
        </Field>
        <Field label="Can be used for" error={issueAt(create.refusal, 'expiresInSeconds')}>
          {(control) => (
            <Select {...control} value={seconds} onChange={(event) => setSeconds(Number(event.target.value))}>
              {LIVES.map(([label, value]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </Select>
          )}
        </Field>
        {issuesElsewhere(create.refusal, ['name', 'role', 'expiresInSeconds']).map((message) => (
          <Notice key={message} tone="bad">
            {message}
          </Notice>
        ))}
      </div>
    </Dialog>
  )
}
