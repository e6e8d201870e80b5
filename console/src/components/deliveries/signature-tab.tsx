// Computes the signature of an attempt in the browser. The pasted secret stays in the memory of this component: it is
// neither stored nor sent.

import { CircleCheck, CircleX } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { AttemptDetailFragment } from '../../gql/graphql.ts'
import { formatBytes } from '../../lib/format.ts'
import { Code } from '../../ui/code.tsx'
import { Field, TextInput } from '../../ui/field.tsx'
import { Empty, Notice } from '../../ui/states.tsx'

type SignatureTabProps = { attempt: AttemptDetailFragment | null; body: string | null; eventId: string }
type Check = { readonly header: string; readonly sent: string; readonly matches: boolean }

export function SignatureTab({ attempt, body, eventId }: SignatureTabProps) {
  const [secret, setSecret] = useState('')
  const [checks, setChecks] = useState<readonly Check[] | 'unreadable' | null>(null)
  useEffect(() => {
    let isStale = false
    const text = secret.trim()
    if (text === '' || !attempt || body === null) return setChecks(null)
    check(text, attempt, body).then(
      (found) => !isStale && setChecks(found),
      () => !isStale && setChecks('unreadable'),
    )
    return () => {
      isStale = true
    }
  }, [secret, attempt, body])

  if (!attempt) return <Empty title="Nothing was signed yet">Each attempt is signed when it is sent.</Empty>
  if (body === null)
    return (
      <div className="p-4">
        <Notice tone="info">The payload is no longer kept, so its signature cannot be computed again.</Notice>
      </div>
    )
  const bytes = new TextEncoder().encode(body)
  const timestamp = header(attempt, 'webhook-timestamp')
  return (
    <div className="flex flex-col gap-4 p-4">
      {!crypto.subtle ? (
        <Notice>Browsers only compute signatures on pages opened over https or on this machine.</Notice>
      ) : (
        <Field
          label="Signing secret"
          hint="Stays in this tab; it is neither stored nor sent."
          error={checks === 'unreadable' ? 'Expected whsec_ and base64, as the secret was shown.' : null}
        >
          {(control) => (
            <TextInput
              {...control}
              type="password"
              placeholder="whsec_…"
              className="font-mono"
              value={secret}
              onChange={(event) => setSecret(event.target.value)}
            />
          )}
        </Field>
      )}
      {Array.isArray(checks) && (
        <ul className="flex flex-col gap-2" aria-live="polite">
          {(checks as readonly Check[]).map(({ header: name, matches }) => (
            <li key={name} className={`flex items-start gap-2 ${matches ? 'text-good' : 'text-bad'}`}>
              {matches ? (
                <CircleCheck size={16} className="mt-0.5" aria-hidden />
              ) : (
                <CircleX size={16} className="mt-0.5" aria-hidden />
              )}
              <span>
                <span className="font-mono text-xs">{name}</span>{' '}
                {matches ? 'was made with this secret' : 'was made with another secret'}
              </span>
            </li>
          ))}
        </ul>
      )}
      {['X-Sivo-Signature', 'X-Sivo-Signature-Next', 'webhook-signature'].map((name) => {
        const value = header(attempt, name)
        return value ? <Code key={name} label={name} text={`${name}: ${value}`} /> : null
      })}
      <div>
        <h3 className="mb-1 font-semibold">What is signed</h3>
        <p className="mb-2 text-ink-2">
          X-Sivo-Signature signs the {formatBytes(bytes.length)} of the body, byte for byte; webhook-signature signs id,
          time and body, joined by dots. Verify the raw body, before anything parses it.
        </p>
        <Code label="signed text" text={`${eventId}.${timestamp ?? '…'}.${body}`} />
      </div>
    </div>
  )
}

async function check(secret: string, attempt: AttemptDetailFragment, body: string): Promise<Check[]> {
  const found: Check[] = []
  const hex = `sha256=${toHex(await sign(new TextEncoder().encode(secret), body))}`
  for (const name of ['X-Sivo-Signature', 'X-Sivo-Signature-Next']) {
    const sent = header(attempt, name)
    if (sent) found.push({ header: name, sent, matches: sent === hex })
  }
  const trio = header(attempt, 'webhook-signature')
  const id = header(attempt, 'webhook-id')
  const timestamp = header(attempt, 'webhook-timestamp')
  if (trio && id && timestamp) {
    const key = Uint8Array.from(atob(secret.replace(/^whsec_/, '')), (letter) => letter.charCodeAt(0))
    const signature = btoa(String.fromCharCode(...new Uint8Array(await sign(key, `${id}.${timestamp}.${body}`))))
    found.push({ header: 'webhook-signature', sent: trio, matches: trio.split(' ').includes(`v1,${signature}`) })
  }
  return found
}

async function sign(key: Uint8Array<ArrayBuffer>, text: string): Promise<ArrayBuffer> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return crypto.subtle.sign('HMAC', imported, new TextEncoder().encode(text))
}

function toHex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

function header({ requestHeaders }: AttemptDetailFragment, name: string): string | null {
  return requestHeaders.find((one) => one.name.toLowerCase() === name.toLowerCase())?.value ?? null
}
