import { type FormEvent, useState } from 'react'
import { checkSession, signIn } from '../../session/session.ts'
import type { Session } from '../../session/session-state.ts'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/code.tsx'
import { Field, TextInput } from '../../ui/field.tsx'
import { Failed } from '../../ui/states.tsx'

const MAKE_A_LINK = `mutation {
  createConsoleLink(input: { tenantId: "ten_…", role: ADMIN }) {
    ... on CreateConsoleLinkSuccess { url expiresAt }
    ... on Error { message }
  }
}`

/** The page for people without a session. */
export function SignIn({ session }: { session: Session }) {
  const [link, setLink] = useState('')
  const [refusal, setRefusal] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setRefusal(await signIn(link))
    setBusy(false)
  }
  if (session.state === 'unreachable')
    return (
      <Failed
        fault={{ title: 'The gateway cannot be reached', detail: session.why, code: 'NETWORK', requestId: null }}
        onRetry={() => void checkSession()}
      />
    )
  const why = refusal ?? (session.state === 'signed-out' ? session.why : null)
  return (
    <main className="mx-auto flex min-h-full max-w-lg flex-col justify-center gap-6 px-6 py-12">
      <header className="flex items-center gap-3">
        <img src="/favicon.svg" alt="" className="size-8" />
        <h1 className="text-lg font-semibold">SIVO Webhooks</h1>
      </header>
      <form onSubmit={submit} className="flex flex-col gap-4 rounded-lg border border-line bg-surface p-6">
        <p>Sign in with a console link. It works once; the session lasts twelve hours.</p>
        <Field label="Console link" error={why}>
          {(control) => (
            <TextInput
              {...control}
              value={link}
              onChange={(event) => setLink(event.target.value)}
              placeholder="https://…/#token=…"
              autoFocus
            />
          )}
        </Field>
        <Button type="submit" kind="primary" isBusy={isBusy} disabled={link.trim() === ''} className="self-end">
          Sign in
        </Button>
      </form>
      <details className="text-ink-2">
        <summary className="font-medium">Where do I get a link?</summary>
        <p className="mt-2 mb-2">
          The gateway prints one when it starts with its demo. Otherwise somebody with an ADMIN or OPERATOR key makes
          one:
        </p>
        <Code text={MAKE_A_LINK} label="mutation that makes a link" />
      </details>
    </main>
  )
}
