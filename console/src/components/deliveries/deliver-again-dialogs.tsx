// The questions before deliveries are cancelled or sent again, because neither can be undone (docs/decisions/0034).

import { RotateCw } from 'lucide-react'
import { useState } from 'react'
import type { DeliveryRow } from '../../api/live.ts'
import { formatCount, formatSpan } from '../../lib/format.ts'
import { Button } from '../../ui/button.tsx'
import { ConfirmDialog, Dialog } from '../../ui/dialog.tsx'
import { Facts } from '../../ui/page.tsx'
import { SpeedField } from '../dead-letters/speed-field.tsx'

type Named = {
  readonly event: Pick<DeliveryRow['event'], 'id' | 'type'>
  readonly endpoint: Pick<DeliveryRow['endpoint'], 'name'>
}
type AskProps = { onClose(): void; onConfirm(): void }

export function CancelDialog({ rows, onClose, onConfirm }: AskProps & { rows: readonly Named[] }) {
  const [first] = rows
  const isOne = rows.length === 1 && first !== undefined
  return (
    <ConfirmDialog
      isOpen
      onClose={onClose}
      title={
        isOne
          ? `Cancel this ${first.event.type} to ${first.endpoint.name}?`
          : `Cancel ${formatCount(rows.length)} deliveries?`
      }
      description={`This cannot be undone: ${isOne ? 'it is' : 'they are'} not sent any more, and cannot be retried. The ${isOne ? 'event stays' : 'events stay'}, and what goes to other endpoints is not touched. If ${isOne ? 'it is' : 'they are'} needed after all, “Replay” on the page of the endpoint sends the ${isOne ? 'event' : 'events'} of a time, also cancelled ones.`}
      action={isOne ? 'Cancel the delivery' : `Cancel ${formatCount(rows.length)}`}
      isDangerous
      onConfirm={onConfirm}
    />
  )
}

export function SendAgainDialog({ row: { event, endpoint }, onClose, onConfirm }: AskProps & { row: Named }) {
  return (
    <ConfirmDialog
      isOpen
      onClose={onClose}
      title={`Send it to ${endpoint.name} again?`}
      description={`The receiver has accepted it already. It gets the same event a second time, with the same id ${event.id}. A receiver that does not look for ids it knows acts twice.`}
      action="Send again"
      onConfirm={onConfirm}
    />
  )
}

const CALM = 10

type RetrySelectionProps = {
  rows: readonly DeliveryRow[]
  onClose(): void
  onConfirm(maxPerSecond: number | null): void
}

/** The plan of a selection: how many to which endpoints, and the speed. */
export function RetrySelectionDialog({ rows, onClose, onConfirm }: RetrySelectionProps) {
  const [maxPerSecond, setMaxPerSecond] = useState<number | null>(CALM)
  const counts = new Map<string, number>()
  for (const { endpoint } of rows) counts.set(endpoint.name, (counts.get(endpoint.name) ?? 0) + 1)
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`Retry ${formatCount(rows.length)} selected deliveries`}
      description="Each is attempted soon, with the same event id. The receiver may see it twice. Leave this page open until it is done."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" icon={<RotateCw size={14} aria-hidden />} onClick={() => onConfirm(maxPerSecond)}>
            Retry {formatCount(rows.length)}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <Facts
          facts={[
            ['How many', <strong key="count">{formatCount(rows.length)}</strong>],
            [
              counts.size === 1 ? 'Endpoint' : 'Endpoints',
              <ul key="endpoints" className="max-h-40 overflow-y-auto">
                {[...counts].map(([name, count]) => (
                  <li key={name}>
                    {name} <span className="text-ink-3">{formatCount(count)}</span>
                  </li>
                ))}
              </ul>,
            ],
            [
              'Takes about',
              maxPerSecond === null ? 'as long as the gateway needs' : formatSpan((rows.length / maxPerSecond) * 1_000),
            ],
          ]}
        />
        <SpeedField value={maxPerSecond} onChange={setMaxPerSecond} />
      </div>
    </Dialog>
  )
}

/** Acts on one row after another, at most so many each second. `onDone` gets the number of rows that were acted on. */
export async function actOnEach(
  rows: readonly DeliveryRow[],
  act: (row: DeliveryRow) => Promise<void>,
  { maxPerSecond, onDone }: { maxPerSecond: number | null; onDone(count: number): void },
): Promise<void> {
  const startedAt = performance.now()
  for (const [index, row] of rows.entries()) {
    const waitMs = maxPerSecond === null ? 0 : startedAt + (index * 1_000) / maxPerSecond - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    await act(row)
    onDone(index + 1)
  }
}
