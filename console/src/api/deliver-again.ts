// The actions for a delivery, in lists and in the panel: retry, send again, cancel.

import { toast } from '../ui/toast.tsx'
import { graphql, mutate } from './client.ts'
import { asFault } from './faults.ts'
import type { DeliveryRow } from './live.ts'

const RETRY = graphql(`
  mutation RetryDelivery($id: ID!, $resend: Boolean!) {
    retryDelivery(id: $id, resend: $resend) {
      ... on RetryDeliverySuccess {
        delivery {
          ...DeliveryRow
        }
      }
      ... on Error {
        message
      }
    }
  }
`)

const CANCEL = graphql(`
  mutation CancelDelivery($id: ID!) {
    cancelDelivery(id: $id) {
      ... on CancelDeliverySuccess {
        delivery {
          ...DeliveryRow
        }
      }
      ... on Error {
        message
      }
    }
  }
`)

type Retriable = Pick<DeliveryRow, 'id' | 'status'>

/** The label of the retry button; null if the delivery cannot be retried. */
export function retryLabel({ status }: Pick<DeliveryRow, 'status'>): string | null {
  if (status === 'DEAD_LETTERED') return 'Retry'
  if (status === 'PENDING') return 'Retry now'
  if (status === 'SUCCEEDED') return 'Send again'
  return null
}

export function isCancellable({ status }: Pick<DeliveryRow, 'status'>): boolean {
  return status === 'PENDING' || status === 'HELD'
}

/** Retries a delivery, or sends a successful one again. Returns its new state; null if it was refused, after a toast. */
export async function retryDelivery(delivery: Retriable): Promise<DeliveryRow | null> {
  try {
    const { retryDelivery: result } = await mutate(RETRY, { id: delivery.id, resend: delivery.status === 'SUCCEEDED' })
    if ('delivery' in result) return result.delivery
    tellRefusal('message' in result ? result.message : 'The gateway gave an answer that this page does not know.')
  } catch (error) {
    tellRefusal(asFault(error).detail)
  }
  return null
}

/** Cancels a waiting delivery. Returns the same as `retryDelivery`. */
export async function cancelDelivery(delivery: Pick<DeliveryRow, 'id'>): Promise<DeliveryRow | null> {
  try {
    const { cancelDelivery: result } = await mutate(CANCEL, { id: delivery.id })
    if ('delivery' in result) return result.delivery
    tellRefusal('message' in result ? result.message : 'The gateway gave an answer that this page does not know.')
  } catch (error) {
    tellRefusal(asFault(error).detail)
  }
  return null
}

function tellRefusal(message: string): void {
  toast({ tone: 'bad', title: message })
}
