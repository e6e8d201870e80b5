// Shows the author of a receiver whether body, secret and header match. All of them stay in this tab.

import { CircleCheck, CircleX } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Field, TextArea, TextInput } from '../../ui/field.tsx'
import { Card } from '../../ui/page.tsx'
import { Notice } from '../../ui/states.tsx'
import { VerifySnippets } from './verify-snippets.tsx'

export function SignatureChecker() {
  const [body, setBody] = useState('')
  const [secret, setSecret] = useState('')
  const [header, setHeader] = useState('')
  const [expected, setExpected] = useState<string | null>(null)
  useEffect(() => {
    let isStale = false
    if (secret === '' || body === '' || !crypto.subtle) return setExpected(null)
    void signatureOf(body, secret.trim()).then((found) => !isStale && setExpected(found))
    return () => {
      isStale = true
    }
  }, [body, secret])
  const given = header.trim().replace(/^x-sivo-signature(-next)?:\s*/i, '')
  return (
    <div className="grid items-start gap-4 px-6 py-4 max-xl:grid-cols-[minmax(0,1fr)] max-sm:px-4 xl:grid-cols-2">
      <Card title="Check a signature">
        <div className="flex flex-col gap-4 p-4">
          {!crypto.subtle && (
            <Notice>Browsers only compute signatures on pages opened over https or on this machine.</Notice>
          )}
          <Field label="Raw body" hint="Byte for byte as it came. A line break at the end counts.">
            {(control) => (
              <TextArea
                {...control}
                rows={8}
                className="font-mono text-xs"
                value={body}
                onChange={(event) => setBody(event.target.value)}
              />
            )}
          </Field>
          <Field label="Signing secret" hint="Stays in this tab; it is neither stored nor sent.">
            {(control) => (
              <TextInput
                {...control}
                type="password"
                className="font-mono"
                placeholder="whsec_…"
                value={secret}
                onChange={(event) => setSecret(event.target.value)}
              />
            )}
          </Field>
          <Field label="X-Sivo-Signature">
            {(control) => (
              <TextInput
                {...control}
                className="font-mono"
                placeholder="sha256=…"
                value={header}
                onChange={(event) => setHeader(event.target.value)}
              />
            )}
          </Field>
          <div aria-live="polite">
            {expected && given && (
              <p className={`flex items-center gap-2 font-medium ${given === expected ? 'text-good' : 'text-bad'}`}>
                {given === expected ? <CircleCheck size={16} aria-hidden /> : <CircleX size={16} aria-hidden />}
                {given === expected
                  ? 'Yes: this secret signed this body.'
                  : 'No: another secret, or a body that was changed on the way.'}
              </p>
            )}
            {expected && (
              <p className="mt-1 font-mono text-xs [overflow-wrap:anywhere]">
                <span className="text-ink-3">expected </span>
                {expected}
              </p>
            )}
          </div>
        </div>
      </Card>
      <Card title="In a receiver">
        <div className="p-4">
          <VerifySnippets />
        </div>
      </Card>
    </div>
  )
}

async function signatureOf(body: string, secret: string): Promise<string> {
  const utf8 = new TextEncoder()
  const key = await crypto.subtle.importKey('raw', utf8.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ])
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(body)))
  return `sha256=${[...mac].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
