import { Pause, Play } from 'lucide-react'
import { useAction } from '../actions.ts'
import { graphql } from '../client.ts'
import { Button } from '../ui/button.tsx'
import { toast } from '../ui/toast.tsx'
import type { EndpointDetail } from './endpoint-detail.ts'

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

const RESUME = graphql(`
  mutation ResumeEndpoint($id: ID!) {
    resumeEndpoint(id: $id, held: SEND_ALL) {
      ... on ResumeEndpointSuccess {
        endpoint {
          ...EndpointDetail
        }
      }
      ...Refusal
    }
  }
`)

/** Pauses an active endpoint, resumes one that is paused or disabled. Everything held goes out then. */
export function PauseButton({ endpoint }: { endpoint: EndpointDetail }) {
  const pause = useAction(PAUSE, (data) => data.pauseEndpoint)
  const resume = useAction(RESUME, (data) => data.resumeEndpoint)
  if (endpoint.status === 'ACTIVE')
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
  return (
    <Button
      kind="primary"
      icon={<Play size={14} aria-hidden />}
      isBusy={resume.isBusy}
      title="Everything that was held goes out"
      onClick={async () => {
        if (await resume.run({ id: endpoint.id }))
          toast({ tone: 'good', title: `${endpoint.name} is active again. What was held goes out now.` })
      }}
    >
      Resume, send what was held
    </Button>
  )
}
