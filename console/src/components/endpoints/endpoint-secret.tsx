import { KeyRound } from 'lucide-react'
import { useState } from 'react'
import { graphql } from '../../api/client.ts'
import { useAction } from '../../lib/actions.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog, Dialog } from '../../ui/dialog.tsx'
import { Field, Select } from '../../ui/field.tsx'
import { Card, Facts } from '../../ui/page.tsx'
import { Countdown, Time } from '../../ui/time.tsx'
import { toast } from '../../ui/toast.tsx'
import type { EndpointDetail } from './endpoint-detail.ts'
import { SecretOnce } from './secret-once.tsx'
import { VerifySnippets } from './verify-snippets.tsx'

const ROTATE = graphql(`
  mutation RotateSigningSecret($endpointId: ID!, $overlapHours: Int!) {
    rotateSigningSecret(endpointId: $endpointId, overlapHours: $overlapHours) {
      ... on RotateSigningSecretSuccess {
        signingSecret
        overlapEndsAt
        endpoint {
          ...EndpointDetail
        }
      }
      ...Refusal
    }
  }
`)

const COMPLETE = graphql(`
  mutation CompleteSecretRotation($endpointId: ID!) {
    completeSecretRotation(endpointId: $endpointId) {
      ... on CompleteSecretRotationSuccess {
        endpoint {
          ...EndpointDetail
        }
      }
      ...Refusal
    }
  }
`)

const OVERLAPS: readonly [number, string][] = [
  [0, 'None: switch at once'],
  [1, '1 hour'],
  [24, '24 hours'],
  [72, '3 days'],
  [168, '7 days'],
]

/** The signing secret: its hint, its rotation, and how to verify with it. */
export function EndpointSecret({ endpoint }: { endpoint: EndpointDetail }) {
  const [isAsking, setAsking] = useState(false)
  const [isCompleting, setCompleting] = useState(false)
  const complete = useAction(COMPLETE, (data) => data.completeSecretRotation)
  const { rotation } = endpoint
  const finish = async () => {
    const done = await complete.run({ endpointId: endpoint.id })
    setCompleting(false)
    if (done) toast({ tone: 'good', title: 'The new secret alone signs now.' })
  }
  return (
    <Card
      title="Signing secret"
      actions={
        <>
          {rotation && <Button onClick={() => setCompleting(true)}>Complete the rotation now</Button>}
          <Button icon={<KeyRound size={14} aria-hidden />} onClick={() => setAsking(true)}>
            {rotation ? 'Rotate again' : 'Rotate'}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4 p-4">
        <Facts
          facts={[
            [
              'Signs now',
              <code key="now" className="font-mono text-xs">
                {endpoint.secretHint}
              </code>,
            ],
            [
              'Comes next',
              rotation && (
                <span key="next">
                  <code className="font-mono text-xs">{rotation.nextSecretHint}</code>, takes over{' '}
                  <Countdown to={rotation.endsAt} /> (<Time at={rotation.endsAt} />)
                </span>
              ),
            ],
          ]}
        />
        {rotation && (
          <p className="text-ink-2">
            Until then every request carries both: <code className="font-mono text-xs">X-Sivo-Signature</code> by the
            present secret, <code className="font-mono text-xs">X-Sivo-Signature-Next</code> by the coming one.
          </p>
        )}
        <details>
          <summary className="font-medium">How a receiver checks it</summary>
          <div className="mt-2">
            <VerifySnippets />
          </div>
        </details>
      </div>
      {isAsking && <RotateDialog endpoint={endpoint} onClose={() => setAsking(false)} />}
      <ConfirmDialog
        isOpen={isCompleting}
        onClose={() => setCompleting(false)}
        title="Complete the rotation now?"
        description="Receivers that still check with the present secret refuse everything from this moment on."
        action="Complete the rotation"
        isBusy={complete.isBusy}
        onConfirm={() => void finish()}
      />
    </Card>
  )
}

function RotateDialog({ endpoint, onClose }: { endpoint: EndpointDetail; onClose(): void }) {
  const [hours, setHours] = useState(24)
  const [secret, setSecret] = useState<string | null>(null)
  const rotate = useAction(ROTATE, (data) => data.rotateSigningSecret)
  const run = async () => {
    const done = await rotate.run({ endpointId: endpoint.id, overlapHours: hours })
    if (done) setSecret(done.signingSecret)
  }
  if (secret !== null)
    return (
      <Dialog
        isOpen
        onClose={onClose}
        isSticky
        title="The new signing secret"
        footer={
          <Button kind="primary" onClick={onClose}>
            I have stored it
          </Button>
        }
      >
        <SecretOnce secret={secret} what="signing secret">
          {hours === 0
            ? 'It signs from now on, alone.'
            : 'Give it to the receiver while both are sent; then nothing is refused when it takes over.'}
        </SecretOnce>
      </Dialog>
    )
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title="Rotate the signing secret"
      description={
        endpoint.rotation
          ? 'A rotation is under way. A new one replaces the secret that was to come; the present one goes on signing.'
          : 'A new secret is made. For a while both sign, so that the receiver can change over without losing anything.'
      }
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" isBusy={rotate.isBusy} onClick={() => void run()}>
            Make a new secret
          </Button>
        </>
      }
    >
      <Field
        label="Overlap"
        hint={hours === 0 ? 'Receivers that know only the old secret refuse everything at once.' : undefined}
      >
        {(control) => (
          <Select {...control} value={hours} onChange={(event) => setHours(Number(event.target.value))}>
            {OVERLAPS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
    </Dialog>
  )
}
