import { Pause, Play } from 'lucide-react'
import { useState } from 'react'
import { useAction } from '../../lib/actions.ts'
import { Button } from '../../ui/button.tsx'
import { toast } from '../../ui/toast.tsx'
import type { EndpointDetail } from './endpoint-detail.ts'
import { PAUSE, RESUME } from './endpoint-status.ts'
import { ResumeDialog } from './resume-dialog.tsx'

type PausableEndpoint = Pick<EndpointDetail, 'id' | 'tenantId' | 'name' | 'status'>
type PauseButtonProps = { endpoint: PausableEndpoint; size?: 'small' | 'normal'; onChanged?: () => void }

/** Pauses an active endpoint. Before it resumes a paused or disabled one, it asks what to do with held deliveries. */
export function PauseButton(props: PauseButtonProps) {
  return props.endpoint.status === 'ACTIVE' ? <Pausing {...props} /> : <Resuming {...props} />
}

function Pausing({ endpoint, size = 'normal', onChanged }: PauseButtonProps) {
  const pause = useAction(PAUSE, (data) => data.pauseEndpoint)
  const resume = useAction(RESUME, (data) => data.resumeEndpoint)
  const undo = async () => {
    if (!(await resume.run({ id: endpoint.id, held: 'SEND_ALL' }))) return
    toast({ tone: 'good', title: `${endpoint.name} is active again. What was held is sent.` })
    onChanged?.()
  }
  return (
    <Button
      size={size}
      icon={<Pause size={14} aria-hidden />}
      isBusy={pause.isBusy}
      title="Deliveries are held until it is resumed; none is lost"
      onClick={async () => {
        if (!(await pause.run({ id: endpoint.id }))) return
        toast({
          tone: 'info',
          title: `${endpoint.name} is paused. Its deliveries are held.`,
          action: { label: 'Undo', run: () => void undo() },
        })
        onChanged?.()
      }}
    >
      Pause
    </Button>
  )
}

function Resuming({ endpoint, size = 'normal', onChanged }: PauseButtonProps) {
  const [isAsking, setAsking] = useState(false)
  const close = () => {
    setAsking(false)
    onChanged?.()
  }
  return (
    <>
      <Button kind="primary" size={size} icon={<Play size={14} aria-hidden />} onClick={() => setAsking(true)}>
        Resume …
      </Button>
      {isAsking && <ResumeDialog endpoint={endpoint} onClose={close} />}
    </>
  )
}
