import { Pause, Play } from 'lucide-react'
import { useState } from 'react'
import { graphql } from '../../api/client.ts'
import { useAction } from '../../lib/actions.ts'
import { Button } from '../../ui/button.tsx'
import { toast } from '../../ui/toast.tsx'
import type { EndpointDetail } from './endpoint-detail.ts'
import { ResumeDialog } from './resume-dialog.tsx'

const PAUSE = graphql(`
  mutation PauseEndpoint($id: ID!) {
    pauseEndpoint(id: $id) {
      ... on PauseEndpointSuccess {
        endpoint {
          ...EndpointDetail
        }
      }
      ...Refusal
    }
  }
`)

/** Pauses an active endpoint. Before it resumes a paused or disabled one, it asks what to do with held deliveries. */
export function PauseButton({ endpoint }: { endpoint: EndpointDetail }) {
  return endpoint.status === 'ACTIVE' ? <Pausing endpoint={endpoint} /> : <Resuming endpoint={endpoint} />
}

function Pausing({ endpoint }: { endpoint: EndpointDetail }) {
  const pause = useAction(PAUSE, (data) => data.pauseEndpoint)
  return (
    <Button
      icon={<Pause size={14} aria-hidden />}
      isBusy={pause.isBusy}
      title="Deliveries are held until it is resumed; none is lost"
      onClick={async () => {
        if (await pause.run({ id: endpoint.id }))
          toast({ tone: 'info', title: `${endpoint.name} is paused. Its deliveries are held.` })
      }}
    >
      Pause
    </Button>
  )
}

function Resuming({ endpoint }: { endpoint: EndpointDetail }) {
  const [isAsking, setAsking] = useState(false)
  return (
    <>
      <Button kind="primary" icon={<Play size={14} aria-hidden />} onClick={() => setAsking(true)}>
        Resume …
      </Button>
      {isAsking && <ResumeDialog endpoint={endpoint} onClose={() => setAsking(false)} />}
    </>
  )
}
