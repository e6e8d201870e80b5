import { type FormEvent, useEffect, useState } from 'react'
import { checkSession, readWaysToSignIn, signIn, signInAtProvider, type WaysToSignIn } from '../../session/session.ts'
import type { Session } from '../../session/session-state.ts'
import { Button } from '../../ui/button.tsx'
import { Code } from '../../ui/code.tsx'
import { Field, TextInput } from '../../ui/field.tsx'
import { Failed } from '../../ui/states.tsx'

/** A command that makes a link for an operator, to paste into a shell. The key may be the one that `npm start` printed. */
const makeALink = (address: string) => `curl -s ${address}/graphql \\
  -H "authorization: Bearer $SIVO_OPERATOR_KEY" -H 'content-type: application/json' \\
  -d '{"query":"mutation { createConsoleLink(input: { role: OPERATOR, name: \\"your name\\" }) { ... on CreateConsoleLinkSuccess { url expiresAt } ... on Error { message } } }"}'`

/** The page for people without a session. */
export function SignIn({ session }: { session: Session }) {
  const [link, setLink] = useState('')
  const [refusal, setRefusal] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const [ways, setWays] = useState<WaysToSignIn>({ openId: null })
  useEffect(() => void readWaysToSignIn().then(setWays), [])
  const { openId } = ways
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
      {openId && (
        <section
          aria-label="Sign in with a provider"
          className="flex flex-col gap-4 rounded-lg border border-line bg-surface p-6"
        >
          <Button kind="primary" onClick={() => signInAtProvider(openId.path)}>
            Sign in with {openId.label}
          </Button>
          <p className="text-ink-2">Or with a console link:</p>
        </section>
      )}
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
        <Button
          type="submit"
          kind={openId ? 'plain' : 'primary'}
          isBusy={isBusy}
          disabled={link.trim() === ''}
          className="self-end"
        >
          Sign in
        </Button>
      </form>
      <details className="text-ink-2" open={why !== null}>
        <summary className="font-medium">Where do I get a link?</summary>
        <ul className="my-2 list-disc pl-5">
          <li>From somebody who is signed in: Settings, “Invite”.</li>
          <li>
            Where <code className="font-mono text-xs">npm start</code> runs: press{' '}
            <kbd className="font-mono text-xs">l</kbd> and Enter, and it prints a new one.
          </li>
          <li>With an operator’s key, by this command:</li>
        </ul>
        <Code text={makeALink(location.origin)} label="command that makes a link" />
        <p className="mt-2">
          For a person of one tenant, use <code className="font-mono text-xs">role: ADMIN, tenantId: "ten_…"</code>. A
          link can be used for 15 minutes, or for as long as <code className="font-mono text-xs">expiresInSeconds</code>{' '}
          says.
        </p>
      </details>
    </main>
  )
}
